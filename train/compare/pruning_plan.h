// Fine-tuning against training from scratch (Liu et al., "Rethinking the value of network pruning", 2019, section 3), as an experiment:
//
//   unpruned                 the big net
//   sparse                   the big net trained with a penalty, where the method needs one: what is pruned then
//   finetuned-<ratio>        pruned, inherited weights, a low constant rate
//   scratch_e-<ratio>        the same structure or masks, fresh weights, the epochs of the big net
//   scratch_b-<ratio>        the same, int(epochs cost(big) / cost(pruned)) epochs
#pragma once

#include "train/compare/experiment.h"
#include "train/pruning/prune.h"

namespace pliant {

struct PruningComparison {
  PruneOptions prune;                  // without ratios
  std::vector<double> ratios = {0.5};  // an architecture each
  std::string plan;                    // a published one instead; its ratios are `prune.ratios`
  // What Scratch-B counts: flops (the published counter, nets/flops.h), macs, or effective (MACs without masked weights). Masks of weights
  // make nothing smaller: by the first two Scratch-B then has the epochs of Scratch-E, which is what the published code does.
  std::string budget = "flops";
  std::int64_t fine_tune_epochs = 0;   // 0: a quarter of the epochs, one at least
  double fine_tune_rate = 0.001;
};

// One architecture that is compared: the ending of its runs' names.
std::vector<std::string> architecture_names(const PruningComparison& what);
// The run that is pruned: "unpruned" or "sparse".
std::string pruned_run(const PruningComparison& what);

// int(epochs cost(big) / cost(pruned)), by a budget.
std::int64_t scratch_b_length(const std::string& budget, std::int64_t epochs, const Net& big, const Net& pruned);

// config.optimizer's penalties are those of the run "sparse"; other runs have none. UsageError for a ratio, a budget or a method that is
// none; ConfigError for a net that the method cannot prune (as far as its structure tells), before anything is trained.
Experiment pruning_comparison(const NetDescription& net, const TrainConfig& config, const PruningComparison& what);

}  // namespace pliant
