#include "train/compare/comparison.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "nets/compact.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/compare_support.h"
#include "train/checkpoint.h"

namespace pliant::test {

namespace {

SeedResult result_of(const std::string& run, std::uint64_t seed, double accuracy, double seconds) {
  return {run, seed, {.best_epoch = 1, .epochs = 2, .seconds = seconds, .epoch_seconds = seconds / 2, .rows = {{1.0, 0, accuracy, 100, 1000}}}};
}

// Two runs, the second one beside the first.
Experiment pair(std::function<std::optional<RowName>(double, int)> reference, const std::string& time_reference) {
  Experiment experiment{.name = "pair", .data = "made up"};
  experiment.runs.push_back({.name = "old", .series = "old", .net = compare_net(), .config = compare_config()});
  experiment.runs.push_back({.name = "new", .series = "new", .net = compare_net(), .config = compare_config(),
                             .reference = std::move(reference), .time_reference = time_reference});
  return experiment;
}

NetDescription stochastic_net() {
  NetDescription net = compare_net();
  net.survival.assign(static_cast<std::size_t>(build_net(net).blocks), 0.5);
  return net;
}

}  // namespace

TEST_CASE("comparison: mean and sample deviation by hand and none for one value") {
  const std::vector<double> three = {0.8, 0.9, 0.7};
  const Summary summary = summarise(three);
  CHECK(summary.count == 3);
  CHECK(summary.mean == doctest::Approx(0.8));
  REQUIRE(summary.deviation);
  CHECK(*summary.deviation == doctest::Approx(0.1));  // sqrt(0.02 / 2)
  const std::vector<double> one = {0.8};
  CHECK(summarise(one).mean == 0.8);
  CHECK_FALSE(summarise(one).deviation);
  CHECK_THROWS_AS(summarise({}), ConfigError);
}

TEST_CASE("comparison: the relative improvement reproduces table I of the paper on Elastic networks") {
  struct Line {
    double without, with, printed;  // test errors and the gain in per cent
  };
  const Line lines[] = {{6.35, 5.44, 14.3},   {8.14, 5.58, 31.5},    {6.39, 4.48, 29.9},   {10.37, 7.82, 24.6},  {7.71, 8.20, -6.4},
                        {5.54, 6.19, -11.7},  {5.54, 5.39, 2.7},     {24.48, 23.44, 4.3},  {23.06, 21.65, 6.1},  {24.98, 21.83, 12.6},
                        {38.60, 25.22, 34.7}, {38.06, 33.03, 13.2},  {21.96, 24.20, -10.2}, {21.96, 21.54, 1.9}};
  for (const Line& line : lines) {
    CAPTURE(line.without);
    // The printed gain is rounded to 0.1, the errors that it was computed from to 0.01.
    const double rounding = 0.05 + 100.0 * 0.005 / line.without * (1.0 + line.with / line.without);
    CHECK(std::abs(100.0 * relative_improvement(line.without, line.with).value() - line.printed) < rounding);
  }
  CHECK_FALSE(relative_improvement(0.0, 1.0));
}

TEST_CASE("comparison: rows hold means over the seeds and stand beside their reference") {
  const Experiment experiment = pair([](double width, int exit) { return std::optional(RowName{"old", width, exit}); }, "old");
  const std::vector<SeedResult> results = {result_of("old", 1, 0.70, 20), result_of("new", 1, 0.85, 14), result_of("old", 2, 0.90, 20),
                                           result_of("new", 2, 0.95, 16)};
  const std::vector<ComparedRow> rows = compare(experiment, results);
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].run == "old");
  CHECK(rows[0].accuracies == std::vector<double>{0.70, 0.90});
  CHECK(rows[0].accuracy.mean == doctest::Approx(0.8));
  CHECK(rows[0].accuracy.deviation.value() == doctest::Approx(std::sqrt(0.02)));
  CHECK_FALSE(rows[0].improvement);
  CHECK_FALSE(rows[0].time_saved);
  CHECK(rows[1].improvement.value() == doctest::Approx(0.5));  // error 0.2 -> 0.1
  CHECK(rows[1].seconds == doctest::Approx(15));
  CHECK(rows[1].epoch_seconds == doctest::Approx(7.5));
  CHECK(rows[1].time_saved.value() == doctest::Approx(0.25));

  const std::vector<SeedResult> first(results.begin(), results.begin() + 2);
  const auto single = nlohmann::json::parse(comparison_json(experiment, {1}, compare(experiment, first)));
  CHECK(single["rows"][0]["deviation"].is_null());
  CHECK(single["rows"][0]["improvement"].is_null());
  CHECK(single["rows"][1]["improvement"].get<double>() == doctest::Approx(0.5));
  CHECK(single["rows"][1]["accuracies"] == nlohmann::json{0.85});
  const Chart chart = comparison_chart(experiment, compare(experiment, results));
  REQUIRE(chart.series().size() == 2);
  CHECK(chart.series()[0].points[0].deviation == doctest::Approx(100.0 * std::sqrt(0.02)));
}

TEST_CASE("comparison: seeds that measured different rows are refused") {
  std::vector<SeedResult> results = {result_of("old", 1, 0.7, 1), result_of("old", 2, 0.7, 1)};
  results[1].result.rows[0].exit = 1;
  CHECK_THROWS_WITH_AS(compare(pair({}, ""), results), doctest::Contains("run old"), ConfigError);
}

TEST_CASE("experiment: names and references that cannot be are refused") {
  for (const char* name : {"", "a/b", "..", "a b", "old"}) {
    CAPTURE(name);
    Experiment experiment = pair({}, "");
    experiment.runs[1].name = name;
    CHECK_THROWS_AS(check(experiment), ConfigError);
  }
  Experiment later = pair({}, "");
  later.runs[0].start_from = "new";
  CHECK_THROWS_WITH_AS(check(later), doctest::Contains("no run before it"), ConfigError);
  CHECK_THROWS_WITH_AS(check(pair({}, "nobody")), doctest::Contains("nobody"), ConfigError);
  CHECK_NOTHROW(check(pair({}, "old")));
}

TEST_CASE("experiment: finished runs are not repeated and an interrupted run continues exactly") {
  const TemporaryFolder folder;
  const Experiment experiment = depth_comparison(stochastic_net(), compare_config());
  Watch whole_watch;
  const std::string whole = (folder / "whole").string();
  const ExperimentResults expected = run_experiment(cpu(), experiment, watched(whole, {1, 2}, whole_watch));
  REQUIRE(expected.runs.size() == 4);
  CHECK(whole_watch.data == 2);

  const std::string cut = (folder / "cut").string();
  ExperimentResults results;
  int rounds = 0;
  do {
    Watch watch{.steps_left = 5};  // each round ends in the middle of some run
    results = run_experiment(cpu(), experiment, watched(cut, {1, 2}, watch));
    REQUIRE(++rounds < 30);
  } while (results.interrupted);
  CHECK(rounds > 3);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(results.runs[i].run == expected.runs[i].run);
    CHECK(results.runs[i].seed == expected.runs[i].seed);
    CHECK(results.runs[i].result.rows == expected.runs[i].result.rows);
    CHECK(results.runs[i].result.best_epoch == expected.runs[i].result.best_epoch);
    const std::string file = cat("/", results.runs[i].run, "/seed", results.runs[i].seed, "/last.safetensors");
    CHECK(bit_equal(load_checkpoint(cpu(), cut + file).net.store->values(), load_checkpoint(cpu(), whole + file).net.store->values()));
  }

  Watch again;
  const ExperimentResults repeated = run_experiment(cpu(), experiment, watched(whole, {1, 2}, again));
  CHECK(again.data == 0);
  CHECK(again.lines.empty());
  CHECK(comparison_text(experiment, compare(experiment, repeated.runs)) == comparison_text(experiment, compare(experiment, expected.runs)));
  Watch more;
  CHECK(run_experiment(cpu(), experiment, watched(whole, {1, 2, 3}, more)).runs.size() == 6);
  CHECK(more.lines.size() == 2);

  const std::vector<ComparedRow> rows = compare(experiment, expected.runs);
  write_comparison(whole, experiment, {1, 2}, rows);
  for (const char* name : {"comparison.txt", "comparison.csv", "comparison.json", "comparison.svg"}) CHECK(std::filesystem::exists(folder / "whole" / name));
  CHECK(rows[1].time_saved.has_value());
}

namespace {

// The run "old", and one that is made from it: half its channels of one axis, for one epoch more.
Experiment prepared_pair(const std::string& text) {
  Experiment experiment = pair({}, "");
  experiment.runs[1].prepared = Preparation{"old", text, [](Context& context, const FormerRun& from, const Splits&, const TrainConfig& config) {
    Net net = load_checkpoint(context, from.best).net;
    keep_channels(context, DType::f32, *net.store->find_axis("layer1.0.conv1"), {0, 2});
    Prepared made{compact(net), config};
    made.config.epochs = config.epochs + 1;
    return made;
  }};
  return experiment;
}

}  // namespace

TEST_CASE("experiment: a run made from another one begins with what was made and continues exactly") {
  const TemporaryFolder folder;
  const Experiment experiment = prepared_pair("two channels");
  const std::string whole = (folder / "whole").string(), cut = (folder / "cut").string();
  Watch watch;
  const ExperimentResults expected = run_experiment(cpu(), experiment, watched(whole, {1}, watch));
  REQUIRE(expected.runs.size() == 2);
  CHECK(expected.runs[0].result.epochs == 2);
  CHECK_FALSE(expected.runs[0].result.start_accuracy);
  CHECK(expected.runs[1].result.epochs == 3);
  CHECK(expected.runs[1].result.start_accuracy.has_value());
  CHECK(expected.runs[1].result.images == 36);
  CHECK(expected.runs[1].result.rows[0].macs < expected.runs[0].result.rows[0].macs);
  const FormerRun old = checkpoints_of(whole, "old", 1), made = checkpoints_of(whole, "new", 1);
  const Net source = load_checkpoint(cpu(), old.best).net, start = load_checkpoint(cpu(), made.start).net;
  CHECK(start.description.kept.at("layer1.0.conv1") == std::vector<std::int32_t>{0, 2});
  CHECK(bit_equal(start.store->find("fc.weight")->value, source.store->find("fc.weight")->value));
  Net first = build_net(compare_net());
  first.store->allocate(cpu(), DType::f32);
  initialise(first, 1);
  CHECK(bit_equal(load_checkpoint(cpu(), old.start).net.store->values(), first.store->values()));

  ExperimentResults results;
  int rounds = 0;
  do {
    Watch part{.steps_left = 2};
    results = run_experiment(cpu(), experiment, watched(cut, {1}, part));
    REQUIRE(++rounds < 30);
  } while (results.interrupted);
  CHECK(rounds > 3);
  CHECK(results.runs[1].result.rows == expected.runs[1].result.rows);
  CHECK(results.runs[1].result.start_accuracy == expected.runs[1].result.start_accuracy);
  const std::string last = "/new/seed1/last.safetensors";
  CHECK(bit_equal(load_checkpoint(cpu(), cut + last).net.store->values(), load_checkpoint(cpu(), whole + last).net.store->values()));
  CHECK_THROWS_WITH_AS(run_experiment(cpu(), prepared_pair("three channels"), watched(whole, {1}, watch)), doctest::Contains("prepared/how"), ConfigError);
  Experiment unknown = experiment;
  unknown.runs[1].prepared->from = "new";
  CHECK_THROWS_WITH_AS(check(unknown), doctest::Contains("no run before it"), ConfigError);
}

TEST_CASE("experiment: a run can have other data") {
  const TemporaryFolder folder;
  Experiment experiment = pair({}, "");
  experiment.runs[1].other_data = true;
  Watch watch;
  EngineOptions options = watched((folder / "out").string(), {1}, watch);
  options.other_data = [](std::uint64_t seed) {
    DataOptions other;
    other.source = "synthetic";
    other.synthetic = {.train = 32, .test = 24, .height = 8, .width = 8, .channels = 3, .classes = 3};
    other.validation = 12;
    other.seed = seed;
    return load_data(other);
  };
  const ExperimentResults results = run_experiment(cpu(), experiment, options);
  CHECK(watch.data == 1);
  CHECK(results.runs[0].result.images == 36);
  CHECK(results.runs[1].result.images == 20);
}

TEST_CASE("experiment: what masks of parameters take counts neither as parameters nor as effective work") {
  Net net = build_net(compare_net());
  net.store->allocate(cpu(), DType::f32);
  const NetCost whole = cost(net);
  Parameter& filter = *net.store->find("layer1.0.conv1.weight");
  std::vector<float> mask(static_cast<std::size_t>(filter.shape().size()), 1.0f);
  for (std::size_t i = 0; i < 10; ++i) mask[3 * i] = 0.0f;
  filter.mask = Tensor::from_host(cpu(), filter.shape(), mask);
  const EffectiveCost left = effective_cost(net);
  CHECK(left.parameters == whole.parameters - 10);
  CHECK(left.macs == whole.macs - 10 * 64);  // each weight works once for every pixel of an 8 x 8 map
}

TEST_CASE("experiment: another experiment in the same folder is refused and the field is named") {
  const TemporaryFolder folder;
  Experiment experiment = depth_comparison(stochastic_net(), compare_config());
  Watch watch{.steps_left = 0};
  const EngineOptions options = watched((folder / "out").string(), {1}, watch);
  CHECK(run_experiment(cpu(), experiment, options).interrupted);

  Experiment other = experiment;
  other.runs[1].config.rate = 0.25;
  CHECK_THROWS_WITH_AS(run_experiment(cpu(), other, options), doctest::Contains("runs/stochastic/training/lr was 0.05 and is 0.25 now"), ConfigError);
  other = experiment;
  other.runs[1].net.survival[3] = 0.75;
  CHECK_THROWS_WITH_AS(run_experiment(cpu(), other, options), doctest::Contains("runs/stochastic/net/survival/3"), ConfigError);
  other = experiment;
  other.data = "other pictures";
  CHECK_THROWS_WITH_AS(run_experiment(cpu(), other, options), doctest::Contains("data was"), ConfigError);
  other = experiment;
  other.runs.pop_back();
  CHECK_THROWS_WITH_AS(run_experiment(cpu(), other, options), doctest::Contains("stochastic"), ConfigError);
  other = experiment;
  other.runs[0].config.dynamic.exit_weights = "1,2,3";  // a run that cannot be is refused before anything trains
  CHECK_THROWS_WITH_AS(run_experiment(cpu(), other, watched((folder / "fresh").string(), {1}, watch)), doctest::Contains("run constant"), ConfigError);
  CHECK_FALSE(std::filesystem::exists(folder / "fresh"));

  folder.write("foreign/notes", std::string("not a comparison"));
  CHECK_THROWS_WITH_AS(run_experiment(cpu(), experiment, watched((folder / "foreign").string(), {1}, watch)), doctest::Contains("not empty"),
                       ConfigError);
}

TEST_CASE("experiment: a damaged result is refused by its file") {
  const TemporaryFolder folder;
  const Experiment experiment = depth_comparison(stochastic_net(), compare_config());
  Watch watch{.steps_left = 0};
  run_experiment(cpu(), experiment, watched((folder / "out").string(), {1}, watch));
  for (const char* text : {"", "{}", "[1]", R"({"best_epoch":1,"epochs":2,"seconds":1,"epoch_seconds":1,"rows":[]})"}) {
    folder.write("out/constant/seed1/result.json", std::string(text));
    CHECK_THROWS_WITH_AS(run_experiment(cpu(), experiment, watched((folder / "out").string(), {1}, watch)), doctest::Contains("result.json"), FileError);
  }
}

}  // namespace pliant::test
