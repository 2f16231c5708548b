#include "train/compare/pruning_plan.h"

#include <algorithm>

#include "core/check.h"
#include "nets/flops.h"
#include "nets/zoo.h"
#include "train/checkpoint.h"
#include "train/compare/pruning_runs.h"
#include "train/files/text.h"

namespace pliant {

namespace {

std::int64_t cost_of(const std::string& budget, const Net& net) {
  if (budget == "flops") return repo_flops(net);
  return budget == "macs" ? cost(net).macs : effective_cost(net).macs;
}

void check(const PruningComparison& what) {
  PLIANT_REQUIRE(UsageError, what.budget == "flops" || what.budget == "macs" || what.budget == "effective", "budget ", in_quotes(what.budget),
                 ": expected flops, macs or effective");
  PLIANT_REQUIRE(UsageError, !what.plan.empty() || !what.ratios.empty(), "there is no ratio to prune");
  for (const double ratio : what.ratios) {
    PLIANT_REQUIRE(UsageError, ratio > 0.0 && ratio < 1.0, "a ratio to prune lies between 0 and 1, both excluded; got ", ratio);
    PLIANT_REQUIRE(UsageError, std::count(what.ratios.begin(), what.ratios.end(), ratio) == 1, "the ratio ", ratio, " is given twice");
  }
  PLIANT_REQUIRE(UsageError, what.fine_tune_epochs >= 0 && what.fine_tune_rate > 0.0, "fine-tuning needs epochs and a rate above 0, got ",
                 what.fine_tune_epochs, " and ", what.fine_tune_rate);
}

std::vector<PruneOptions> architectures(const PruningComparison& what) {
  if (!what.plan.empty()) return {what.prune};
  std::vector<PruneOptions> all;
  for (const double ratio : what.ratios) {
    all.push_back(what.prune);
    all.back().ratio = ratio;
    all.back().ratios.clear();
  }
  return all;
}

std::int64_t fine_tune_epochs(const PruningComparison& what, const TrainConfig& config) {
  return what.fine_tune_epochs > 0 ? what.fine_tune_epochs : std::max<std::int64_t>(1, config.epochs / 4);
}

PlannedRun finetuned(const PlannedRun& big, const std::string& name, const PruneOptions& options, const PruningComparison& what) {
  PlannedRun run{.name = "finetuned-" + name, .series = "fine-tuned", .net = big.net,
                 .config = fine_tuning(big.config, fine_tune_epochs(what, big.config), what.fine_tune_rate)};
  run.prepared = Preparation{big.name, prune_text(options),
                             [options](Context& context, const FormerRun& from, const Splits& splits, const TrainConfig& config) {
    return Prepared{pruned_net(context, from.best, options, splits), config};
  }};
  return run;
}

PlannedRun from_scratch(const PlannedRun& unpruned, const std::string& name, const std::string& pruned) {
  PlannedRun run{.name = "scratch_e-" + name, .series = "Scratch-E", .net = unpruned.net, .config = of_prepared(unpruned.config)};
  run.prepared = Preparation{pruned, "fresh weights", [](Context& context, const FormerRun& from, const Splits&, const TrainConfig& config) {
    return Prepared{fresh_net(load_checkpoint(context, from.start).net, config), config};
  }};
  return run;
}

PlannedRun for_the_budget(const PlannedRun& unpruned, const std::string& name, const std::string& pruned, const std::string& budget) {
  PlannedRun run{.name = "scratch_b-" + name, .series = "Scratch-B", .net = unpruned.net, .config = of_prepared(unpruned.config)};
  const NetDescription big = unpruned.net;
  run.prepared = Preparation{pruned, "fresh weights, epochs by " + budget,
                             [budget, big](Context& context, const FormerRun& from, const Splits&, const TrainConfig& config) {
    const Net like = load_checkpoint(context, from.start).net;
    const std::int64_t epochs = scratch_b_length(budget, config.epochs, build_net(big), like);
    return Prepared{fresh_net(like, config), with_epochs(config, epochs)};
  }};
  return run;
}

}  // namespace

std::vector<std::string> architecture_names(const PruningComparison& what) {
  if (!what.plan.empty()) return {what.plan};
  std::vector<std::string> names;
  for (const double ratio : what.ratios) names.push_back(number_text(ratio));
  return names;
}

std::string pruned_run(const PruningComparison& what) { return needs_sparse_training(what.prune.method) ? "sparse" : "unpruned"; }

std::int64_t scratch_b_length(const std::string& budget, std::int64_t epochs, const Net& big, const Net& pruned) {
  return scratch_b_epochs(static_cast<int>(epochs), cost_of(budget, big), cost_of(budget, pruned));
}

Experiment pruning_comparison(const NetDescription& net, const TrainConfig& config, const PruningComparison& what) {
  check(what);
  PLIANT_REQUIRE(ConfigError, net.widths.empty() && net.exits.empty(), net.name, ": pruning is compared on nets with one width and one exit");
  require_prunable(net, architectures(what).front());
  const bool sparse = needs_sparse_training(what.prune.method);
  PLIANT_REQUIRE(ConfigError, sparse || (config.optimizer.scale_sparsity == 0.0 && config.optimizer.block_sparsity == 0.0), what.prune.method,
                 ": prunes a net that was trained without penalties; leave them out, or prune by slimming or sss");
  PLIANT_REQUIRE(ConfigError, config.sparsity == SparsityOptions{}, "a comparison prunes after training; leave out what makes a net sparse while it trains");
  Experiment experiment{.name = "pruning"};
  experiment.runs.push_back({.name = "unpruned", .series = "unpruned", .net = net, .config = without_penalties(config)});
  if (sparse) {
    PlannedRun penalised{.name = "sparse", .series = "sparsely trained", .net = net, .config = config};
    penalised.net.block_scales = what.prune.method == "sss";
    experiment.runs.push_back(std::move(penalised));
  }
  const PlannedRun unpruned = experiment.runs.front(), big = experiment.runs.back();
  const std::vector<std::string> names = architecture_names(what);
  const std::vector<PruneOptions> options = architectures(what);
  for (std::size_t i = 0; i < names.size(); ++i) {
    experiment.runs.push_back(finetuned(big, names[i], options[i], what));
    const std::string pruned = experiment.runs.back().name;
    experiment.runs.push_back(from_scratch(unpruned, names[i], pruned));
    experiment.runs.push_back(for_the_budget(unpruned, names[i], pruned, what.budget));
    for (std::size_t back = 1; back <= 3; ++back) experiment.runs[experiment.runs.size() - back].label = names[i];
  }
  return experiment;
}

}  // namespace pliant
