#include "train/early_exit/thresholds.h"

#include <algorithm>
#include <cmath>
#include <functional>

namespace pliant {

namespace {

// No score is below 0, and none above 10 with up to 22,026 classes.
constexpr double kNotebookEntropies[] = {1e-4, 5e-4, 1e-3, 5e-3, .01, .025, .05, .075, .1, .25, .5, .75, 1, 2, 3, 5, 10};
constexpr int kQuantiles = 20;

using Better = std::function<bool(const ExitFigures& a, const ExitFigures& b)>;

struct Search {
  const ExitScores& scores;
  const std::vector<std::int64_t>& costs;
  Better better;
  std::vector<std::vector<double>> candidates;  // per threshold; the first lets nobody leave, the last everybody

  ThresholdChoice at(std::vector<double> thresholds) const {
    ExitFigures figures = simulate(scores, thresholds, costs);
    return {std::move(thresholds), std::move(figures)};
  }

  // Tries every candidate at the thresholds from `first` on, in all combinations.
  void exhaust(std::size_t first, std::vector<double>& thresholds, ThresholdChoice& best) const {
    if (first == thresholds.size()) {
      ThresholdChoice one = at(thresholds);
      if (better(one.validation, best.validation)) best = std::move(one);
      return;
    }
    for (const double candidate : candidates[first]) {
      thresholds[first] = candidate;
      exhaust(first + 1, thresholds, best);
    }
  }

  ThresholdChoice climb(ThresholdChoice best) const {
    for (bool improved = true; improved;) {
      improved = false;
      for (std::size_t i = 0; i < candidates.size(); ++i) {
        for (const double candidate : candidates[i]) {
          std::vector<double> thresholds = best.thresholds;
          thresholds[i] = candidate;
          ThresholdChoice one = at(std::move(thresholds));
          if (!better(one.validation, best.validation)) continue;
          best = std::move(one);
          improved = true;
        }
      }
    }
    return best;
  }
};

ThresholdChoice search(const ExitScores& scores, const std::vector<std::int64_t>& costs, const Better& better) {
  Search one{scores, costs, better, {}};
  std::vector<double> nobody, everybody;
  for (std::size_t exit = 0; exit + 1 < scores.exits(); ++exit) {
    one.candidates.push_back(threshold_candidates(scores, exit));
    nobody.push_back(one.candidates.back().front());
    everybody.push_back(one.candidates.back().back());
  }
  ThresholdChoice best = one.at(nobody);
  if (nobody.size() <= 2) {
    std::vector<double> thresholds = nobody;
    one.exhaust(0, thresholds, best);
    return best;
  }
  best = one.climb(std::move(best));
  ThresholdChoice other = one.climb(one.at(everybody));
  return better(other.validation, best.validation) ? other : best;
}

}  // namespace

std::vector<double> threshold_candidates(const ExitScores& validation, std::size_t exit) {
  if (validation.measure == ConfidenceMeasure::entropy) {
    std::vector<double> candidates = {0.0};
    candidates.insert(candidates.end(), std::begin(kNotebookEntropies), std::end(kNotebookEntropies));
    return candidates;
  }
  std::vector<double> sorted;
  for (const double score : validation.scores[exit]) {
    if (!std::isnan(score)) sorted.push_back(score);
  }
  std::sort(sorted.begin(), sorted.end(), std::greater<>());
  std::vector<double> candidates = {1.0};
  for (int i = 1; i < kQuantiles && !sorted.empty(); ++i) {
    candidates.push_back(sorted[(sorted.size() - 1) * static_cast<std::size_t>(i) / kQuantiles]);
  }
  candidates.push_back(-1.0);
  return candidates;
}

ThresholdChoice choose_by_accuracy(const ExitScores& validation, const std::vector<std::int64_t>& costs, double accuracy) {
  ThresholdChoice best = search(validation, costs, [accuracy](const ExitFigures& a, const ExitFigures& b) {
    const bool a_reaches = a.accuracy >= accuracy, b_reaches = b.accuracy >= accuracy;
    if (a_reaches != b_reaches) return a_reaches;
    if (!a_reaches) return a.accuracy > b.accuracy;
    return a.mean_macs != b.mean_macs ? a.mean_macs < b.mean_macs : a.accuracy > b.accuracy;
  });
  PLIANT_REQUIRE(ConfigError, best.validation.accuracy >= accuracy, "early exits: no thresholds reach an accuracy of ", accuracy,
                 " on the validation part; the best have ", best.validation.accuracy);
  return best;
}

ThresholdChoice choose_by_budget(const ExitScores& validation, const std::vector<std::int64_t>& costs, double budget) {
  ThresholdChoice best = search(validation, costs, [budget](const ExitFigures& a, const ExitFigures& b) {
    const bool a_fits = a.mean_macs <= budget, b_fits = b.mean_macs <= budget;
    if (a_fits != b_fits) return a_fits;
    if (!a_fits) return a.mean_macs < b.mean_macs;
    return a.accuracy != b.accuracy ? a.accuracy > b.accuracy : a.mean_macs < b.mean_macs;
  });
  PLIANT_REQUIRE(ConfigError, best.validation.mean_macs <= budget, "early exits: no thresholds need at most ", budget,
                 " MACs on average; the cheapest need ", best.validation.mean_macs);
  return best;
}

std::vector<ThresholdChoice> sweep_thresholds(const ExitScores& validation, const std::vector<std::int64_t>& costs) {
  std::vector<std::vector<double>> candidates;
  for (std::size_t exit = 0; exit + 1 < validation.exits(); ++exit) candidates.push_back(threshold_candidates(validation, exit));
  std::vector<ThresholdChoice> choices;
  for (std::size_t i = 0; !candidates.empty() && i < candidates[0].size(); ++i) {
    std::vector<double> thresholds;
    for (const std::vector<double>& own : candidates) thresholds.push_back(own[std::min(i, own.size() - 1)]);
    ExitFigures figures = simulate(validation, thresholds, costs);
    choices.push_back({std::move(thresholds), std::move(figures)});
  }
  return choices;
}

}  // namespace pliant
