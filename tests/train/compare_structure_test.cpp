#include "train/compare/structure_plan.h"

#include <doctest/doctest.h>

#include <nlohmann/json.hpp>

#include "nets/compact.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/compare_support.h"
#include "train/checkpoint.h"
#include "train/compare/lottery_plan.h"
#include "train/pruning/guided.h"

namespace pliant::test {

namespace {

std::vector<std::string> names_of(const Experiment& experiment) {
  std::vector<std::string> names;
  for (const PlannedRun& run : experiment.runs) names.push_back(run.name);
  return names;
}

TrainConfig one_epoch() {
  TrainConfig config = compare_config();
  config.epochs = 1;
  return config;
}

std::vector<ComparedRow> rows_of(const Experiment& experiment, const std::string& out) {
  Watch watch;
  EngineOptions options = watched(out, {1}, watch);
  options.other_data = [](std::uint64_t seed) { return compare_data(seed + 10); };
  return compare(experiment, run_experiment(cpu(), experiment, options).runs);
}

Net start_of(const std::string& out, const std::string& run) { return load_checkpoint(cpu(), checkpoints_of(out, run, 1).start).net; }

NetDescription deeper_net() {
  NetDescription d = default_description("resnet32");
  d.height = d.width = 8;
  d.classes = 3;
  const Net plain = build_net(d);
  for (const auto& axis : plain.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = axis->size() == 16 ? 4 : axis->size() == 32 ? 6 : 8;
  }
  return d;
}

}  // namespace

TEST_CASE("structure: channels of uniform discovered guided and transferred nets") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  TrainConfig config = one_epoch();
  config.optimizer.scale_sparsity = 1e-3;
  const Experiment experiment = structure_comparison(compare_net(), config, {.ratios = {0.5}, .from = deeper_net()});
  CHECK(names_of(experiment) == std::vector<std::string>{"big", "source", "uniform-0.5", "discovered-0.5", "guided-0.5", "transferred-0.5"});
  CHECK(experiment.runs[0].config.optimizer.scale_sparsity == 1e-3);
  CHECK(experiment.runs[1].other_data);
  CHECK(experiment.runs[3].config.optimizer.scale_sparsity == 0.0);
  const std::vector<ComparedRow> rows = rows_of(experiment, out);
  CHECK(experiment.runs[2].net.axis_sizes.at("layer3.0.conv1") == 4);
  const Net discovered = start_of(out, "discovered-0.5"), guided = start_of(out, "guided-0.5");
  CHECK(guided.description == with_stage_shares(compare_net(), stage_shares(discovered)));
  CHECK(start_of(out, "transferred-0.5").description.name == "resnet20");
  for (std::size_t i = 2; i < rows.size(); ++i) CHECK(rows[i].parameters < rows[0].parameters);
  const auto json = nlohmann::json::parse(structure_json(experiment, {1}, rows));
  CHECK(json["rows"].size() == 6);
  CHECK(json["rows"][2]["series"] == "uniform");
  CHECK(json["rows"][2]["error"].get<double>() == doctest::Approx(1.0 - rows[2].accuracy.mean));
  CHECK(comparison_chart(experiment, rows, ChartOf::error_over_parameters).y().label == "test error (%)");
}

TEST_CASE("structure: weights of uniform discovered guided and transferred nets") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  const Experiment experiment =
      structure_comparison(compare_net(), one_epoch(), {.weights = true, .ratios = {0.5}, .from = deeper_net(), .kernel_shapes = {"cross"}});
  const std::vector<ComparedRow> rows = rows_of(experiment, out);
  REQUIRE(rows.size() == 7);
  CHECK(rows[6].run == "cross");
  CHECK(rows[6].macs < 0.6 * rows[0].macs);  // five taps of nine
  for (std::size_t i = 2; i < 6; ++i) {
    CAPTURE(rows[i].run);
    CHECK(rows[i].macs == rows[0].macs);
    CHECK(rows[i].effective_macs < 0.75 * rows[0].macs);
    CHECK(rows[i].parameters < 0.65 * rows[0].parameters);
  }
  const std::string filter = "layer2.1.conv1.weight";
  CHECK(start_of(out, "guided-0.5").store->find(filter)->mask.to_doubles() != start_of(out, "discovered-0.5").store->find(filter)->mask.to_doubles());
}

TEST_CASE("structure: what does not fit is refused before training") {
  const TrainConfig config = one_epoch();
  CHECK_THROWS_WITH_AS(structure_comparison(compare_net(), config, {.from = default_description("vgg16")}), doctest::Contains("stages"), ConfigError);
  CHECK_THROWS_AS(structure_comparison(compare_net(), config, {.ratios = {}}), UsageError);
  CHECK_THROWS_AS(structure_comparison(compare_net(), config, {.ratios = {1.0}}), UsageError);
  CHECK_THROWS_WITH_AS(structure_comparison(compare_net(), config, {.kernel_shapes = {"cross"}}), doctest::Contains("kernel shapes"), UsageError);
  CHECK_THROWS_AS(structure_comparison(default_description("lenet5"), config, {}), ConfigError);
}

TEST_CASE("lottery: a winning ticket has exactly the first weights times the masks") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  const Experiment experiment = lottery_comparison(compare_net(), one_epoch(), {.ratios = {0.5}, .rates = {0.05}});
  CHECK(names_of(experiment) == std::vector<std::string>{"big-0.05", "ticket-0.05-0.5", "random-0.05-0.5"});
  const std::vector<ComparedRow> rows = rows_of(experiment, out);
  const Net first = start_of(out, "big-0.05"), ticket = start_of(out, "ticket-0.05-0.5"), random = start_of(out, "random-0.05-0.5");
  for (const Parameter& parameter : ticket.store->parameters()) {
    if (parameter.role != Role::filter) continue;
    const std::vector<double> mask = parameter.mask.to_doubles(), values = parameter.value.to_doubles();
    const std::vector<double> before = first.store->find(parameter.name)->value.to_doubles(), other = random.store->find(parameter.name)->value.to_doubles();
    CHECK(random.store->find(parameter.name)->mask.to_doubles() == mask);
    for (std::size_t i = 0; i < mask.size(); ++i) {
      REQUIRE(values[i] == before[i] * mask[i]);
      REQUIRE((mask[i] == 0.0 ? other[i] == 0.0 : other[i] != before[i]));
    }
  }
  CHECK(bit_equal(ticket.store->find("fc.weight")->value, first.store->find("fc.weight")->value));
  CHECK(rows[1].parameters == rows[2].parameters);
}

TEST_CASE("lottery: tickets of channels are packed and other methods refused") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  const Experiment experiment = lottery_comparison(compare_net(), one_epoch(), {.prune = {.method = "l1"}, .ratios = {0.5}, .rates = {0.05, 0.01}});
  CHECK(experiment.runs.size() == 6);
  CHECK(experiment.runs[3].config.rate == 0.01);
  rows_of(experiment, out);
  const Net first = start_of(out, "big-0.05"), ticket = start_of(out, "ticket-0.05-0.5");
  const std::vector<std::int32_t>& kept = ticket.description.kept.at("layer1.0.conv1");
  REQUIRE(kept.size() == 2);
  const Shape shape = ticket.store->find("layer1.0.conv1.weight")->shape();
  const auto row = static_cast<std::size_t>(shape.size() / shape[0]);
  const std::vector<double> values = ticket.store->find("layer1.0.conv1.weight")->value.to_doubles();
  const std::vector<double> before = first.store->find("layer1.0.conv1.weight")->value.to_doubles();
  for (std::size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == before[static_cast<std::size_t>(kept[i / row]) * row + i % row]);
  CHECK_THROWS_WITH_AS(lottery_comparison(compare_net(), one_epoch(), {.prune = {.method = "slimming"}}), doctest::Contains("magnitude"), UsageError);
  CHECK_THROWS_AS(lottery_comparison(compare_net(), one_epoch(), {.rates = {}}), UsageError);
  CHECK_THROWS_AS(lottery_comparison(compare_net(), one_epoch(), {.rates = {0.0}}), UsageError);
}

}  // namespace pliant::test
