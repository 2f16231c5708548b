#include "train/early_exit/thresholds.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/compare.h"

namespace pliant::test {

namespace {

using Integers = std::vector<std::int32_t>;

// Four samples, two exits: the first is right about the two it is sure of and wrong about the others.
ExitScores four_samples() {
  return {ConfidenceMeasure::entropy, {{0.01, 0.3, 0.6, 2.0}, {0.0, 0.0, 0.0, 0.0}}, {{1, 2, 0, 0}, {1, 2, 3, 3}}, {1, 2, 3, 4}};
}

// Exits that are better the deeper they are, and surer where they are right.
ExitScores random_scores(std::size_t exits, ConfidenceMeasure measure, std::size_t samples = 200) {
  ExitScores scores{measure, {}, {}, Integers(samples, 1)};
  for (std::size_t exit = 0; exit < exits; ++exit) {
    const auto seed = static_cast<unsigned>(10 * exit);
    const std::vector<double> noise = random_values(static_cast<std::int64_t>(samples), seed + 1, 0.0, 1.0),
                              score = random_values(static_cast<std::int64_t>(samples), seed + 2, 0.0, 1.0);
    Integers predictions;
    for (std::size_t n = 0; n < samples; ++n) {
      const double sure = leaves_below(measure) ? 1.0 - score[n] : score[n];
      predictions.push_back(noise[n] < 0.4 + 0.1 * static_cast<double>(exit) + 0.4 * sure ? 1 : 0);
    }
    scores.scores.push_back(score);
    scores.predictions.push_back(predictions);
  }
  return scores;
}

std::vector<std::int64_t> costs_for(std::size_t exits) {
  std::vector<std::int64_t> costs;
  for (std::size_t exit = 0; exit < exits; ++exit) costs.push_back(static_cast<std::int64_t>(100 * (exit + 1)));
  return costs;
}

}  // namespace

TEST_CASE("early exit simulation: figures of a hand-made case") {
  const ExitFigures none = simulate(four_samples(), {0.0}, {100, 500}), half = simulate(four_samples(), {0.5}, {100, 500});
  CHECK(none.accuracy == 0.75);
  CHECK(none.shares == std::vector<double>{0.0, 1.0});
  CHECK(none.mean_macs == 500.0);
  CHECK(half.accuracy == 0.75);
  CHECK(half.shares == std::vector<double>{0.5, 0.5});
  CHECK(half.mean_macs == 300.0);
  CHECK(simulate(four_samples(), {0.3}, {100, 500}).shares[0] == 0.25);  // strict
  CHECK(simulate(four_samples(), {10.0}, {100, 500}).accuracy == 0.5);
  CHECK(exit_accuracies(four_samples()) == std::vector<double>{0.5, 0.75});
  CHECK_THROWS_AS(simulate(four_samples(), {0.1, 0.2}, {100, 500}), ConfigError);
}

TEST_CASE("early exit thresholds: the candidates go from nobody to everybody") {
  for (const ConfidenceMeasure measure : {ConfidenceMeasure::entropy, ConfidenceMeasure::max_probability, ConfidenceMeasure::margin}) {
    const ExitScores scores = random_scores(2, measure);
    const std::vector<double> candidates = threshold_candidates(scores, 0);
    double before = -1.0;
    for (const double candidate : candidates) {
      const double share = simulate(scores, {candidate}, {1, 2}).shares[0];
      CHECK(share >= before);
      before = share;
    }
    CHECK(simulate(scores, {candidates.front()}, {1, 2}).shares[0] == 0.0);
    CHECK(before == 1.0);
    CHECK(candidates.size() >= 18);
  }
  const ExitScores nan{ConfidenceMeasure::margin, {{std::nan(""), std::nan("")}, {0, 0}}, {{0, 0}, {0, 0}}, {0, 0}};
  CHECK(threshold_candidates(nan, 0).size() == 2);
}

TEST_CASE("early exit thresholds: the cheapest that reach an accuracy") {
  const ThresholdChoice choice = choose_by_accuracy(four_samples(), {100, 500}, 0.75);
  CHECK(choice.thresholds == std::vector<double>{0.5});
  CHECK(choice.validation.mean_macs == 300.0);
  CHECK(choose_by_accuracy(four_samples(), {100, 500}, 0.5).validation.shares[0] == 1.0);
  CHECK_THROWS_WITH_AS(choose_by_accuracy(four_samples(), {100, 500}, 0.8), doctest::Contains("the best have 0.75"), ConfigError);
}

TEST_CASE("early exit thresholds: the most accurate within a budget") {
  CHECK(choose_by_budget(four_samples(), {100, 500}, 300).thresholds == std::vector<double>{0.5});
  CHECK(choose_by_budget(four_samples(), {100, 500}, 100).validation.accuracy == 0.5);
  CHECK(choose_by_budget(four_samples(), {100, 500}, 1e9).validation.mean_macs == 300.0);  // no dearer than need be
  CHECK_THROWS_WITH_AS(choose_by_budget(four_samples(), {100, 500}, 99), doctest::Contains("the cheapest need 100"), ConfigError);
}

TEST_CASE("early exit thresholds: two thresholds are searched exhaustively") {
  for (const ConfidenceMeasure measure : {ConfidenceMeasure::entropy, ConfidenceMeasure::margin}) {
    const ExitScores scores = random_scores(3, measure);
    const std::vector<std::int64_t> costs = costs_for(3);
    const ThresholdChoice chosen = choose_by_budget(scores, costs, 220.0);
    const std::vector<double> first = threshold_candidates(scores, 0), second = threshold_candidates(scores, 1);
    double best = 0.0;
    for (const double a : first) {
      for (const double b : second) {
        const ExitFigures figures = simulate(scores, {a, b}, costs);
        if (figures.mean_macs <= 220.0) best = std::max(best, figures.accuracy);
      }
    }
    CHECK(chosen.validation.accuracy == best);
    CHECK(chosen.validation.mean_macs <= 220.0);
  }
}

TEST_CASE("early exit thresholds: with many exits no single change helps any more") {
  const ExitScores scores = random_scores(6, ConfidenceMeasure::max_probability);
  const std::vector<std::int64_t> costs = costs_for(6);
  const double target = exit_accuracies(scores).back();
  const ThresholdChoice chosen = choose_by_accuracy(scores, costs, target);
  CHECK(chosen.validation.accuracy >= target);
  CHECK(chosen.validation.mean_macs < 0.9 * 600.0);
  for (std::size_t i = 0; i < 5; ++i) {
    for (const double candidate : threshold_candidates(scores, i)) {
      std::vector<double> changed = chosen.thresholds;
      changed[i] = candidate;
      const ExitFigures figures = simulate(scores, changed, costs);
      CHECK_FALSE((figures.accuracy >= target && figures.mean_macs < chosen.validation.mean_macs));
    }
  }
}

TEST_CASE("early exit thresholds: a sweep uses each candidate at every exit") {
  const ExitScores scores = random_scores(3, ConfidenceMeasure::entropy);
  const std::vector<ThresholdChoice> choices = sweep_thresholds(scores, costs_for(3));
  REQUIRE(choices.size() == threshold_candidates(scores, 0).size());
  double before = 1e9;
  for (const ThresholdChoice& choice : choices) {
    CHECK(choice.thresholds[0] == choice.thresholds[1]);
    CHECK(choice.validation.mean_macs <= before);
    before = choice.validation.mean_macs;
  }
  CHECK(choices.front().validation.mean_macs == 300.0);
  CHECK(before == 100.0);
}

}  // namespace pliant::test
