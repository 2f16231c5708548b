// Measured early exits: what really leaves equals what the cached scores say, and labels decide nothing.
#include "train/early_exit/measure.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "train/data/synthetic.h"
#include "train/early_exit/sheet.h"
#include "train/evaluate.h"

namespace pliant::test {

namespace {

NetDescription two_heads() {
  NetDescription d = tiny_resnet();
  d.exits = {3, 6};
  return d;
}

Splits small_data() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 60, .test = 50, .height = 8, .width = 8, .channels = 3, .classes = 3};
  options.validation = 20;
  return load_data(options);
}

ExitRule middle_rule(const ExitScores& scores) {
  ExitRule rule{scores.measure, {}};
  for (std::size_t exit = 0; exit + 1 < scores.exits(); ++exit) {
    std::vector<double> sorted = scores.scores[exit];
    std::sort(sorted.begin(), sorted.end());
    rule.thresholds.push_back(0.5 * (sorted[sorted.size() / 2] + sorted[sorted.size() / 2 - 1]));
  }
  return rule;
}

}  // namespace

TEST_CASE("early exit measurement: what leaves is what the cached scores say") {
  const Splits data = small_data();
  const Net net = make_net(cpu(), two_heads(), DType::f64);
  const DeviceData test = to_device(cpu(), data.test, data.normalisation);
  for (const ConfidenceMeasure kind : {ConfidenceMeasure::entropy, ConfidenceMeasure::margin}) {
    const ExitScores scores = collect_scores(net, test, 16, {}, kind);
    const ExitRule rule = middle_rule(scores);
    const Measured measured = measure({{&net, &test, {}, rule}}, {.batch = 16, .timed = 20})[0];
    const ExitFigures simulated = simulate(scores, rule.thresholds, exit_costs(net));
    CHECK(measured.figures.accuracy == simulated.accuracy);
    CHECK(measured.figures.shares == simulated.shares);
    CHECK(measured.figures.mean_macs == simulated.mean_macs);
    for (const double share : measured.figures.shares) CHECK(share > 0.05);
  }
}

TEST_CASE("early exit measurement: rows that the device counts are what the cached scores say") {
  CHECK(staying_shares({0.25, 0.5, 0.25}) == std::vector<double>{0.75, 0.25});
  CHECK(staying_shares({1.0}).empty());
  Splits data = small_data();
  const auto contexts = gpu_contexts();
  Context& context = *contexts.front().context;
  NetDescription d = two_heads();
  d.exits = {0, 1};
  d.last_stage = 1;
  const Net net = make_net(context, d, DType::f32);
  const DeviceData test = to_device(context, data.validation, data.normalisation);
  const ExitScores scores = collect_scores(net, test, 20, {}, ConfidenceMeasure::entropy);
  ExitRule rule = middle_rule(scores);
  const ExitFigures simulated = simulate(scores, rule.thresholds, exit_costs(net));
  CHECK(simulated.shares[0] > 0.1);
  rule.staying = staying_shares(simulated.shares);
  const Measured measured = measure({{&net, &test, {}, rule}}, {.batch = 16, .timed = 1})[0];
  CHECK(measured.figures.accuracy == simulated.accuracy);
  CHECK(measured.figures.shares == simulated.shares);
}

TEST_CASE("early exit measurement: accuracies of the exits weighted by their shares are the whole accuracy") {
  const Splits data = small_data();
  const Net net = make_net(cpu(), two_heads(), DType::f64);
  const DeviceData test = to_device(cpu(), data.test, data.normalisation);
  const ExitRule rule = middle_rule(collect_scores(net, test, 50, {}, ConfidenceMeasure::entropy));
  const Measured measured = measure({{&net, &test, {}, rule}}, {.batch = 7, .timed = 3})[0];
  double sum = 0.0, shares = 0.0;
  for (int exit = 0; exit < 3; ++exit) {
    double left = 0.0, correct = 0.0;
    for (std::size_t n = 0; n < measured.exits.size(); ++n) {
      if (measured.exits[n] != exit) continue;
      left += 1.0;
      correct += measured.predictions[n] == data.test.labels[n];
    }
    const double share = measured.figures.shares[static_cast<std::size_t>(exit)];
    CHECK(share == left / 50.0);
    shares += share;
    if (left > 0.0) sum += share * correct / left;
  }
  CHECK(std::abs(shares - 1.0) < 1e-12);
  CHECK(std::abs(sum - measured.figures.accuracy) < 1e-12);
}

TEST_CASE("early exit measurement: shuffled labels change no decision") {
  const Splits data = small_data();
  const Net net = make_net(cpu(), two_heads(), DType::f32);
  Dataset shuffled = data.test;
  std::rotate(shuffled.labels.begin(), shuffled.labels.begin() + 7, shuffled.labels.end());
  for (std::size_t i = 0; i < shuffled.labels.size(); i += 2) shuffled.labels[i] = (shuffled.labels[i] + 1) % 3;
  REQUIRE(shuffled.labels != data.test.labels);
  const DeviceData test = to_device(cpu(), data.test, data.normalisation), other = to_device(cpu(), shuffled, data.normalisation);
  const ExitRule rule = middle_rule(collect_scores(net, test, 16, {}, ConfidenceMeasure::entropy));
  const Measured a = measure({{&net, &test, {}, rule}}, {.batch = 16, .timed = 5})[0];
  const Measured b = measure({{&net, &other, {}, rule}}, {.batch = 16, .timed = 5})[0];
  CHECK(a.exits == b.exits);
  CHECK(a.predictions == b.predictions);
  CHECK(a.figures.shares == b.figures.shares);
  CHECK(a.figures.accuracy != b.figures.accuracy);
}

TEST_CASE("early exit measurement: the trunk without exits is the last exit of an evaluation") {
  const Splits data = small_data();
  const Net net = make_net(cpu(), two_heads(), DType::f32);
  const DeviceData test = to_device(cpu(), data.test, data.normalisation);
  const Contestant trunk = without_exits(net, test), rule{&net, &test, {}, {ConfidenceMeasure::entropy, {10.0, 10.0}}};
  const std::vector<Measured> results = measure({rule, trunk}, {.batch = 16, .timed = 10});
  CHECK(results[1].figures.accuracy == evaluate(net, test, 16).last().accuracy);
  CHECK(results[0].figures.accuracy == evaluate(net, test, 16).exits[0].accuracy);
  CHECK(results[1].figures.shares == std::vector<double>{1.0});
  CHECK(results[1].figures.mean_macs == static_cast<double>(cost(net, trunk.select).macs));
  CHECK(results[1].exits == std::vector<std::int32_t>(50, 2));
  for (const Measured& result : results) {
    CHECK(result.batch_ms_per_image > 0.0);
    CHECK(result.median_ms > 0.0);
    CHECK(result.p90_ms >= result.median_ms);
    CHECK(result.parts_ms > 0.0);
    CHECK(result.simulated_ms > 0.0);
  }
}

TEST_CASE("early exit sheet: every exit has a row of its own samples from the surest to the least sure") {
  const Splits data = small_data();
  const Net net = make_net(cpu(), two_heads(), DType::f64);
  const DeviceData test = to_device(cpu(), data.test, data.normalisation);
  ExitStudyOptions options;
  options.thresholds = middle_rule(collect_scores(net, test, 50, {}, ConfidenceMeasure::entropy)).thresholds;
  options.timing.timed = 2;
  const ExitStudy study = study_exits(net, {}, test, options);
  const std::vector<SheetRow> all = leaving_samples(study, 0, data.test, 50), few = leaving_samples(study, 0, data.test, 3);
  REQUIRE(all.size() == 3);
  const auto sample_of = [&](const Image& image) {
    for (std::int64_t n = 0; n < 50; ++n) {
      if (std::equal(image.pixels.begin(), image.pixels.end(), data.test.image(n))) return static_cast<std::size_t>(n);
    }
    return std::size_t{50};
  };
  for (std::size_t exit = 0; exit < 3; ++exit) {
    CHECK(static_cast<double>(all[exit].images.size()) == std::round(50.0 * study.rows[0].measured.figures.shares[exit]));
    REQUIRE(all[exit].images.size() >= 3);
    double before = -1.0;
    for (const Image& image : all[exit].images) {
      const std::size_t sample = sample_of(image);
      REQUIRE(sample < 50);
      CHECK(study.rows[0].measured.exits[sample] == static_cast<std::int32_t>(exit));
      CHECK(study.test_scores.scores[exit][sample] >= before);
      before = study.test_scores.scores[exit][sample];
    }
    REQUIRE(few[exit].images.size() == 3);
    CHECK(few[exit].images.front().pixels == all[exit].images.front().pixels);
    CHECK(few[exit].images.back().pixels == all[exit].images.back().pixels);
  }
  CHECK_THROWS_AS(leaving_samples(study, 1, data.test), ConfigError);
  CHECK_THROWS_AS(study_exits(net, {}, test, {}), DataError);
}

TEST_CASE("early exit measurement: an empty part and parts of different sizes are refused") {
  const Splits data = small_data();
  const Net net = make_net(cpu(), two_heads(), DType::f32);
  const DeviceData none, test = to_device(cpu(), data.test, data.normalisation), validation = to_device(cpu(), data.validation, data.normalisation);
  CHECK_THROWS_AS(measure({without_exits(net, none)}, {}), DataError);
  CHECK_THROWS_AS(measure({without_exits(net, test), without_exits(net, validation)}, {}), DataError);
  CHECK_THROWS_AS(measure({{&net, &test, {}, {ConfidenceMeasure::entropy, {1.0}}}}, {}), ConfigError);
  CHECK_THROWS_AS(collect_scores(net, none, 8, {}, ConfidenceMeasure::entropy), DataError);
}

}  // namespace pliant::test
