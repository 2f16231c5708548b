#include "train/compare/plans.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/compare_support.h"
#include "train/checkpoint.h"
#include "train/compare/comparison.h"

namespace pliant::test {

namespace {

std::vector<std::string> names_of(const Experiment& experiment) {
  std::vector<std::string> names;
  for (const PlannedRun& run : experiment.runs) names.push_back(run.name);
  return names;
}

NetDescription slimmable_net() {
  NetDescription net = compare_net();
  add_widths(net, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  return net;
}

std::vector<ComparedRow> rows_of(const Experiment& experiment, const std::string& out) {
  Watch watch;
  return compare(experiment, run_experiment(cpu(), experiment, watched(out, {1}, watch)).runs);
}

const ComparedRow& row_of(const std::vector<ComparedRow>& rows, const std::string& run, double width, int exit) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const ComparedRow& row) { return row.run == run && row.width == width && row.exit == exit; });
  REQUIRE(found != rows.end());
  return *found;
}

}  // namespace

TEST_CASE("plans: a slimmable net stands beside each width alone the naive variant and incremental training") {
  const TemporaryFolder folder;
  const Experiment experiment = slimmable_comparison(slimmable_net(), compare_config());
  CHECK(names_of(experiment) == std::vector<std::string>{"slimmable", "alone-1", "alone-0.5", "naive", "incremental"});
  CHECK(experiment.left_out.empty());
  CHECK(experiment.runs[3].net.batch_norm_sets == 1);
  CHECK(experiment.runs[4].config.dynamic.width_training == "incremental");
  const std::vector<ComparedRow> rows = rows_of(experiment, folder.string() + "/out");
  REQUIRE(rows.size() == 8);  // two widths of three nets, and two nets of one width
  for (const double width : {1.0, 0.5}) {
    const ComparedRow& alone = row_of(rows, width == 1.0 ? "alone-1" : "alone-0.5", width, 0);
    CHECK_FALSE(alone.improvement);
    for (const char* run : {"slimmable", "naive", "incremental"}) {
      const ComparedRow& row = row_of(rows, run, width, 0);
      CHECK(row.macs == alone.macs);
      CHECK(row.parameters == alone.parameters);
      CHECK(row.improvement == relative_improvement(1.0 - alone.accuracy.mean, 1.0 - row.accuracy.mean));
    }
  }
  CHECK(row_of(rows, "slimmable", 0.5, 0).macs < row_of(rows, "slimmable", 1.0, 0).macs);
}

TEST_CASE("plans: what a slimmable net cannot have is left out and said") {
  TrainConfig config = compare_config();
  config.epochs = 1;
  const Experiment short_one = slimmable_comparison(slimmable_net(), config);
  CHECK(names_of(short_one) == std::vector<std::string>{"slimmable", "alone-1", "alone-0.5", "naive"});
  REQUIRE(short_one.left_out.size() == 1);
  CHECK(short_one.left_out[0].find("2 widths") != std::string::npos);
  NetDescription lenet = default_description("lenet5");
  add_widths(lenet, {0.5, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  const Experiment plain = slimmable_comparison(lenet, compare_config());
  CHECK(names_of(plain) == std::vector<std::string>{"slimmable", "alone-1", "alone-0.5"});
  REQUIRE(plain.left_out.size() == 2);
  CHECK(plain.left_out[0].find("naive: lenet5 has no batch norm") != std::string::npos);
  CHECK_THROWS_WITH_AS(slimmable_comparison(compare_net(), config), doctest::Contains("--widths"), ConfigError);
}

TEST_CASE("plans: an elastic net stands beside the same net without exits at its last exit alone") {
  const TemporaryFolder folder;
  NetDescription net = compare_net();
  net.exits = {2, 5};
  TrainConfig config = compare_config();
  config.dynamic.exit_weights = "1,1,2";
  config.dynamic.freeze_backbone = 1;
  const Experiment experiment = elastic_comparison(net, config);
  CHECK(experiment.runs[0].net == compare_net());
  CHECK(experiment.runs[0].config.dynamic.freeze_backbone == 0);
  const std::vector<ComparedRow> rows = rows_of(experiment, folder.string() + "/out");
  REQUIRE(rows.size() == 4);
  CHECK_FALSE(row_of(rows, "with", 1.0, 0).improvement);
  const ComparedRow &without = row_of(rows, "without", 1.0, 0), &with = row_of(rows, "with", 1.0, 2);
  CHECK(with.improvement == relative_improvement(1.0 - without.accuracy.mean, 1.0 - with.accuracy.mean));
  CHECK(with.macs == without.macs);
  CHECK(row_of(rows, "with", 1.0, 0).macs < row_of(rows, "with", 1.0, 1).macs);
  CHECK_THROWS_WITH_AS(elastic_comparison(compare_net(), config), doctest::Contains("--exits"), ConfigError);
}

TEST_CASE("plans: a branchy net starts from the trunk that was trained before it") {
  const TemporaryFolder folder;
  NetDescription net = compare_net();
  net.exits = {3};
  TrainConfig config = compare_config();
  const Experiment experiment = branchy_comparison(net, config);
  CHECK(names_of(experiment) == std::vector<std::string>{"trunk", "branchy"});
  Watch watch;
  const std::string out = folder.string() + "/out";
  const ExperimentResults results = run_experiment(cpu(), experiment, watched(out, {1}, watch));
  REQUIRE(watch.lines.size() == 3);
  const Net trunk = build_net(experiment.runs[0].net);
  CHECK(watch.lines[2].find(cat(trunk.store->parameters().size(), " tensors from ", out, "/trunk/seed1/best.safetensors")) != std::string::npos);
  const std::vector<ComparedRow> rows = compare(experiment, results.runs);
  REQUIRE(rows.size() == 3);
  for (int exit = 0; exit < 2; ++exit) CHECK(row_of(rows, "branchy", 1.0, exit).improvement.has_value());

  TrainConfig still = config;  // so small a rate that the weights stay
  still.rate = 1e-30;
  still.schedule = parse_schedule("constant");
  Experiment unmoved = branchy_comparison(net, still);
  unmoved.runs[0].config = config;
  const std::string kept = folder.string() + "/kept";
  rows_of(unmoved, kept);
  const LoadedNet before = load_checkpoint(cpu(), kept + "/trunk/seed1/best.safetensors");
  const LoadedNet after = load_checkpoint(cpu(), kept + "/branchy/seed1/last.safetensors");
  for (const Parameter& parameter : before.net.store->parameters()) {
    CAPTURE(parameter.name);
    if (!parameter.trainable()) continue;
    const std::vector<double> was = parameter.value.to_doubles(), is = after.net.store->find(parameter.name)->value.to_doubles();
    for (std::size_t i = 0; i < was.size(); ++i) REQUIRE(std::abs(was[i] - is[i]) < 1e-20);
  }
}

TEST_CASE("plans: depth compares the same net with all its blocks open") {
  NetDescription net = compare_net();
  net.survival = linear_survival(build_net(net).blocks, 0.5);
  net.gate_per_sample = true;
  const Experiment experiment = depth_comparison(net, compare_config());
  CHECK(names_of(experiment) == std::vector<std::string>{"constant", "stochastic"});
  CHECK(experiment.runs[0].net == compare_net());
  CHECK(experiment.runs[1].time_reference == "constant");
  CHECK_THROWS_WITH_AS(depth_comparison(compare_net(), compare_config()), doctest::Contains("--stochastic-depth"), ConfigError);
}

}  // namespace pliant::test
