#include "train/compare/pruning_plan.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "nets/flops.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/train/compare_support.h"
#include "train/checkpoint.h"
#include "train/compare/pruning_report.h"
#include "train/compare/pruning_runs.h"

namespace pliant::test {

namespace {

std::vector<std::string> names_of(const Experiment& experiment) {
  std::vector<std::string> names;
  for (const PlannedRun& run : experiment.runs) names.push_back(run.name);
  return names;
}

struct Trained {
  Experiment experiment;
  std::vector<ComparedRow> rows;
};
Trained trained(const PruningComparison& what, TrainConfig config, const std::string& out, std::vector<std::uint64_t> seeds) {
  Experiment experiment = pruning_comparison(compare_net(), config, what);
  Watch watch;
  const ExperimentResults results = run_experiment(cpu(), experiment, watched(out, std::move(seeds), watch));
  std::vector<ComparedRow> rows = compare(experiment, results.runs);
  return {std::move(experiment), std::move(rows)};
}

// Non-zero values of a filter.
std::multiset<double> weights_of(const Net& net, const std::string& name) {
  std::multiset<double> values;
  for (const double value : net.store->find(name)->value.to_doubles()) {
    if (value != 0.0) values.insert(value);
  }
  return values;
}

bool share_a_weight(const Net& a, const Net& b) {
  for (const Parameter& parameter : a.store->parameters()) {
    if (parameter.role != Role::filter && parameter.role != Role::weight) continue;
    const std::multiset<double> one = weights_of(a, parameter.name), other = weights_of(b, parameter.name);
    if (std::any_of(one.begin(), one.end(), [&](double value) { return other.contains(value); })) return true;
  }
  return false;
}

}  // namespace

TEST_CASE("pruning comparison: milestones and steps of longer runs") {
  TrainConfig config = compare_config();
  config.epochs = 160;
  config.schedule = parse_schedule("multi-step");
  const std::pair<std::int64_t, std::pair<double, double>> expected[] = {
      {243, {121, 182}}, {178, {89, 133}}, {220, {110, 165}}, {190, {95, 142}}, {260, {130, 195}}};
  for (const auto& [epochs, drops] : expected) {
    const TrainConfig longer = with_epochs(config, epochs);
    CHECK(longer.epochs == epochs);
    REQUIRE(longer.schedule.milestones.size() == 2);
    CHECK(longer.schedule.milestones[0] == Milestone{drops.first, false});
    CHECK(longer.schedule.milestones[1] == Milestone{drops.second, false});
  }
  config.schedule = parse_schedule("multi-step:milestones=80,120");
  CHECK(with_epochs(config, 243).schedule.milestones[1] == Milestone{182, false});
  config.schedule = parse_schedule("step:size=53");
  CHECK(with_epochs(config, 320).schedule.size == 106);
  config.schedule = parse_schedule("multi-step");
  for (std::int64_t epochs = 1; epochs < 6; ++epochs) {
    const Schedule schedule = with_epochs(config, epochs).schedule;
    CHECK(parse_schedule(schedule_text(schedule)) == schedule);
  }
}

TEST_CASE("pruning comparison: the four columns of each architecture share no weights where they begin anew") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  PruningComparison what{.prune = {.method = "l1"}, .ratios = {0.5, 0.25}, .fine_tune_epochs = 1};
  const Trained run = trained(what, compare_config(), out, {1, 2});
  CHECK(names_of(run.experiment) == std::vector<std::string>{"unpruned", "finetuned-0.5", "scratch_e-0.5", "scratch_b-0.5", "finetuned-0.25",
                                                             "scratch_e-0.25", "scratch_b-0.25"});
  const Net big = load_checkpoint(cpu(), checkpoints_of(out, "unpruned", 1).best).net;
  const Net first = load_checkpoint(cpu(), checkpoints_of(out, "unpruned", 1).start).net;
  const Net pruned = load_checkpoint(cpu(), checkpoints_of(out, "finetuned-0.5", 1).start).net;
  CHECK(pruned.description.kept.at("layer1.0.conv1").size() == 2);
  CHECK(share_a_weight(pruned, big));
  for (const char* column : {"scratch_e-0.5", "scratch_b-0.5"}) {
    const Net fresh = load_checkpoint(cpu(), checkpoints_of(out, column, 1).start).net;
    CHECK(fresh.description == pruned.description);
    CHECK_FALSE(share_a_weight(fresh, big));
    CHECK_FALSE(share_a_weight(fresh, first));
    CHECK_FALSE(share_a_weight(fresh, pruned));
  }
  const std::vector<PruningColumn> columns = pruning_columns(what, run.rows);
  const auto longer = static_cast<std::int64_t>(2.0 * static_cast<double>(repo_flops(big)) / static_cast<double>(repo_flops(pruned)));
  CHECK(run.rows[1].epochs == std::vector<std::int64_t>{1, 1});
  CHECK(run.rows[2].epochs == std::vector<std::int64_t>{2, 2});
  CHECK(run.rows[3].epochs == std::vector<std::int64_t>{longer, longer});
  CHECK(columns[0].training_macs_with_big == columns[0].row.training_macs);
  CHECK(columns[0].row.training_macs == 3.0 * columns[0].row.macs * 36 * 2);
  CHECK(columns[1].training_macs_with_big == columns[1].row.training_macs + columns[0].row.training_macs);
  CHECK(columns[2].row.parameters == columns[1].row.parameters);

  const PruningReport report{run.experiment, what, {1, 2}, columns, kept_structures(cpu(), out, what, {1, 2})};
  write_pruning_report(out, report);
  const auto json = nlohmann::json::parse(pruning_json(report));
  for (const char* column : {"unpruned", "finetuned", "scratch_e", "scratch_b"}) {
    CAPTURE(column);
    REQUIRE(json.contains(column));
    REQUIRE(json[column]["runs"].size() == 2);
    CHECK(json[column]["mean"].get<double>() == doctest::Approx((json[column]["runs"][0].get<double>() + json[column]["runs"][1].get<double>()) / 2));
    CHECK(json[column]["std"].is_number());
    CHECK(json[column]["epochs"].is_number_integer());
  }
  CHECK(json["scratch_b"]["epochs"] == longer);
  CHECK(json["finetuned"]["before"].is_number());
  CHECK(json["architectures"].size() == 2);
  CHECK(json["architectures"][0]["scratch_e"] == json["scratch_e"]);
  CHECK(json["kept"]["0.5"].size() == 12);  // nine axes, three stages
  CHECK(json["kept"]["0.5"][0]["kept_deviation"] == 0.0);
  for (const char* file : {"comparison.txt", "comparison.csv", "comparison.json", "comparison.svg", "kept-0.5.svg", "kept-0.25-stages.svg"}) {
    CHECK(std::filesystem::exists(folder / "out" / file));
  }
}

TEST_CASE("pruning comparison: masks of weights stay and make training from scratch longer by the weights that are left alone") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  PruningComparison what{.prune = {.method = "magnitude"}, .ratios = {0.6}, .budget = "effective", .fine_tune_epochs = 1};
  const Trained run = trained(what, compare_config(), out, {1});
  const Net pruned = load_checkpoint(cpu(), checkpoints_of(out, "finetuned-0.6", 1).start).net;
  for (const char* column : {"finetuned-0.6", "scratch_e-0.6", "scratch_b-0.6"}) {
    const Net net = load_checkpoint(cpu(), checkpoints_of(out, column, 1).best).net;
    for (const Parameter& parameter : net.store->parameters()) {
      if (parameter.role != Role::filter) continue;
      const std::vector<double> mask = parameter.mask.to_doubles(), values = parameter.value.to_doubles();
      CHECK(mask == pruned.store->find(parameter.name)->mask.to_doubles());
      for (std::size_t i = 0; i < mask.size(); ++i) REQUIRE((mask[i] != 0.0 || values[i] == 0.0));
    }
  }
  CHECK_FALSE(share_a_weight(load_checkpoint(cpu(), checkpoints_of(out, "scratch_e-0.6", 1).start).net, pruned));
  CHECK(run.rows[1].parameters < run.rows[0].parameters);
  CHECK(run.rows[1].macs == run.rows[0].macs);
  CHECK(run.rows[1].effective_macs < 0.7 * run.rows[0].macs);
  CHECK(run.rows[3].epochs[0] == scratch_b_epochs(2, cost(pruned).macs, effective_cost(pruned).macs));
  CHECK(scratch_b_length("flops", 160, build_net(compare_net()), pruned) == 160);
  CHECK(scratch_b_length("macs", 160, build_net(compare_net()), pruned) == 160);
  const std::vector<KeptStructure> kept = kept_structures(cpu(), out, what, {1});
  CHECK(kept[0].channels.empty());
  CHECK(kept[0].patterns.size() == 3);
  const PruningReport report{run.experiment, what, {1}, pruning_columns(what, run.rows), kept};
  write_pruning_report(out, report);
  CHECK(std::filesystem::exists(folder / "out" / "patterns.svg"));
  const auto json = nlohmann::json::parse(pruning_json(report));
  CHECK(json["patterns"].size() == 27);
  CHECK(json["unpruned"]["std"].is_null());
  PruningComparison by_flops = what;
  by_flops.budget = "flops";
  CHECK(pruning_text({run.experiment, by_flops, {1}, report.columns, kept}).find("has the epochs of Scratch-E") != std::string::npos);
}

TEST_CASE("pruning comparison: slimming prunes a net that was trained with a penalty") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  PruningComparison what{.prune = {.method = "slimming", .floor = 1}, .ratios = {0.4}, .fine_tune_epochs = 1};
  TrainConfig config = compare_config();
  config.optimizer.scale_sparsity = 1e-3;
  const Trained run = trained(what, config, out, {1});
  CHECK(names_of(run.experiment) == std::vector<std::string>{"unpruned", "sparse", "finetuned-0.4", "scratch_e-0.4", "scratch_b-0.4"});
  CHECK(run.experiment.runs[0].config.optimizer.scale_sparsity == 0.0);
  CHECK(run.experiment.runs[1].config.optimizer.scale_sparsity == 1e-3);
  CHECK(run.experiment.runs[2].config.optimizer.scale_sparsity == 0.0);
  CHECK(run.experiment.runs[2].prepared->from == "sparse");
  CHECK(run.rows[2].macs < run.rows[0].macs);
  CHECK(run.rows[3].macs == run.rows[2].macs);
  what.prune.method = "l1";
  CHECK_THROWS_WITH_AS(pruning_comparison(compare_net(), config, what), doctest::Contains("without penalties"), ConfigError);
}

TEST_CASE("pruning comparison: a structure that loses residual blocks") {
  const TemporaryFolder folder;
  const std::string out = folder.string() + "/out";
  PruningComparison what{.prune = {.method = "sss"}, .ratios = {0.5}, .fine_tune_epochs = 1};
  TrainConfig config = compare_config();
  config.optimizer.block_sparsity = 0.01;
  const Trained run = trained(what, config, out, {1});
  const Net pruned = load_checkpoint(cpu(), checkpoints_of(out, "finetuned-0.5", 1).start).net;
  CHECK(pruned.description.removed_blocks.size() == 4);
  CHECK_FALSE(pruned.description.block_scales);
  const Net fresh = load_checkpoint(cpu(), checkpoints_of(out, "scratch_e-0.5", 1).start).net;
  CHECK(fresh.description == pruned.description);
  const std::vector<KeptStructure> kept = kept_structures(cpu(), out, what, {1});
  const auto gone = std::count_if(kept[0].channels.begin(), kept[0].channels.end(), [](const KeptRow& row) { return !row.stage && row.kept.mean == 0.0; });
  CHECK(gone == 8);  // of each block the channels between its convolutions, and what the first one reads of the stream
}

TEST_CASE("pruning comparison: what cannot be compared is refused before training") {
  const TrainConfig config = compare_config();
  CHECK_THROWS_AS(pruning_comparison(compare_net(), config, {.ratios = {0.0}}), UsageError);
  CHECK_THROWS_AS(pruning_comparison(compare_net(), config, {.ratios = {0.5, 0.5}}), UsageError);
  CHECK_THROWS_AS(pruning_comparison(compare_net(), config, {.budget = "seconds"}), UsageError);
  CHECK_THROWS_AS(pruning_comparison(default_description("lenet5"), config, {.prune = {.method = "slimming"}}), ConfigError);
  NetDescription exits = compare_net();
  exits.exits = {2};
  CHECK_THROWS_WITH_AS(pruning_comparison(exits, config, {}), doctest::Contains("one exit"), ConfigError);
}

}  // namespace pliant::test
