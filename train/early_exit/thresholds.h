// Choosing the thresholds of early exits on a validation split, by simulation over its cached scores. Which samples the
// thresholds are measured on is not its business, only that they are others.
#pragma once

#include "train/early_exit/scores.h"

namespace pliant {

// The thresholds that are tried at one exit, from "nobody leaves" to "everybody leaves": for the entropy those of the
// released BranchyNet notebooks (1e-4 to 10), for the other measures the quantiles of the exit's scores in steps of 5 %.
std::vector<double> threshold_candidates(const ExitScores& validation, std::size_t exit);

struct ThresholdChoice {
  std::vector<double> thresholds;
  ExitFigures validation;
};

// The cheapest thresholds whose accuracy is at least `accuracy`; of equally cheap ones the most accurate. ConfigError that
// names the best accuracy found where none reaches it.
ThresholdChoice choose_by_accuracy(const ExitScores& validation, const std::vector<std::int64_t>& costs, double accuracy);

// The most accurate thresholds with at most `budget` MACs on average; of equally accurate ones the cheapest. ConfigError
// that names the cheapest mean where none is that cheap.
ThresholdChoice choose_by_budget(const ExitScores& validation, const std::vector<std::int64_t>& costs, double budget);

// One choice per candidate, used at every exit (for the quantiles: the same quantile of each exit).
std::vector<ThresholdChoice> sweep_thresholds(const ExitScores& validation, const std::vector<std::int64_t>& costs);

// Both searches try all combinations for one or two thresholds. For more they change one threshold at a time, from two
// starts (nobody leaves, everybody leaves at the first exit), until no single change helps.

}  // namespace pliant
