// Winning tickets (Frankle and Carbin, 2019) as "Rethinking the value of network pruning" compares them: the first weights of the big net
// under the masks that pruning finds after its training, beside fresh weights under the same masks, at several rates.
//
//   big-<rate>, ticket-<rate>-<ratio>, random-<rate>-<ratio>
#pragma once

#include <string>
#include <vector>

#include "train/compare/experiment.h"
#include "train/pruning/prune.h"

namespace pliant {

struct LotteryComparison {
  PruneOptions prune{.method = "magnitude"};  // without ratios; magnitude, or a method that takes channels
  std::vector<double> ratios = {0.5};
  std::vector<double> rates = {0.1, 0.01};
};

// `start` with the structure and the masks that pruning leaves of `trained`, both checkpoints of one run: its values are exactly those of
// the start, times the masks, where channels went without these.
Net winning_ticket(Context& context, const FormerRun& run, const PruneOptions& options, const Splits& splits);

// UsageError for ratios, rates or a method that needs sparse training or changes weights beside its masks.
Experiment lottery_comparison(const NetDescription& net, const TrainConfig& config, const LotteryComparison& what);

}  // namespace pliant
