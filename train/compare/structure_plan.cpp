#include "train/compare/structure_plan.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "nets/json.h"
#include "nets/zoo.h"
#include "train/checkpoint.h"
#include "train/compare/pruning_runs.h"
#include "train/files/text.h"
#include "train/pruning/guided.h"

namespace pliant {

namespace {

using Make = std::function<Net(Context&, const FormerRun&, const Splits&, const TrainConfig&)>;

// Random masks are drawn with another seed than the weights.
constexpr std::uint64_t kMasks = 0x4D41534B;
std::uint64_t mask_seed(const TrainConfig& config) { return config.seed ^ (kMasks << 24); }

Net allocated(Context& context, const NetDescription& description) {
  Net net = build_net(description);
  net.store->allocate(context, DType::f32);
  return net;
}

PruneOptions pruning(const StructureComparison& what, double ratio) {
  return {.method = what.weights ? "magnitude" : "slimming", .ratio = ratio, .floor = what.weights ? 0 : what.floor};
}

class Plan {
 public:
  Plan(const NetDescription& net, const TrainConfig& config, const StructureComparison& what)
      : net_(net), config_(of_prepared(config)), big_config_(what.weights ? without_penalties(config) : config), what_(what) {}

  Experiment made() {
    add_big("big", "big net", net_);
    if (what_.from) add_big("source", "source of the transfer", *what_.from).other_data = true;
    for (const double ratio : what_.ratios) {
      add_uniform(ratio);
      add_discovered(ratio);
      add_guided("guided", "big", ratio);
      if (what_.from) add_guided("transferred", "source", ratio);
    }
    for (const std::string& shape : what_.kernel_shapes) {
      NetDescription shaped = net_;
      shaped.kernel_shape = shape;
      experiment_.runs.push_back({.name = shape, .series = "kernels: " + shape, .net = shaped, .config = config_, .label = shape});
    }
    return std::move(experiment_);
  }

 private:
  PlannedRun& add_big(const std::string& name, const std::string& series, const NetDescription& net) {
    return experiment_.runs.emplace_back(PlannedRun{.name = name, .series = series, .net = net, .config = big_config_});
  }

  PlannedRun& add(const std::string& name, double ratio) {
    const std::string text = number_text(ratio);
    return experiment_.runs.emplace_back(
        PlannedRun{.name = cat(name, "-", text), .series = name, .net = net_, .config = config_, .label = text});
  }

  static Preparation prepared(const std::string& from, const std::string& text, Make make) {
    return {from, text, [make = std::move(make)](Context& context, const FormerRun& former, const Splits& splits, const TrainConfig& config) {
      return Prepared{make(context, former, splits, config), config};
    }};
  }

  void add_uniform(double ratio) {
    PlannedRun& run = add("uniform", ratio);
    if (!what_.weights) {
      run.net = with_uniform_share(net_, 1.0 - ratio);
      return;
    }
    run.prepared = prepared("", cat("a random mask with the share ", number_text(1.0 - ratio)),
                            [net = net_, ratio](Context& context, const FormerRun&, const Splits&, const TrainConfig& config) {
      Net masked = allocated(context, net);
      mask_uniformly(masked, 1.0 - ratio, mask_seed(config));
      return fresh_net(masked, config);
    });
  }

  void add_discovered(double ratio) {
    const PruneOptions options = pruning(what_, ratio);
    add("discovered", ratio).prepared = prepared("big", prune_text(options) + ", fresh weights",
                                                 [options](Context& context, const FormerRun& from, const Splits& splits, const TrainConfig& config) {
      return fresh_net(pruned_net(context, from.best, options, splits), config);
    });
  }

  void add_guided(const std::string& name, const std::string& from, double ratio) {
    const PruneOptions options = pruning(what_, ratio);
    add(name, ratio).prepared = prepared(from, prune_text(options) + ", means over stages, fresh weights",
                                         [options, net = net_, weights = what_.weights](Context& context, const FormerRun& former, const Splits& splits,
                                                                                        const TrainConfig& config) {
      const Net pruned = pruned_net(context, former.best, options, splits);
      if (!weights) return fresh_net(allocated(context, with_stage_shares(net, stage_shares(pruned))), config);
      Net masked = allocated(context, net);
      mask_by_patterns(masked, kernel_patterns(pruned), static_cast<int>(stages_of(pruned).maps.size()), mask_seed(config));
      return fresh_net(masked, config);
    });
  }

  NetDescription net_;
  TrainConfig config_, big_config_;
  StructureComparison what_;
  Experiment experiment_{.name = what_.weights ? "structure of weights" : "structure of channels"};
};

std::size_t stages_in(const NetDescription& net) { return stages_of(build_net(net)).maps.size(); }

}  // namespace

Experiment structure_comparison(const NetDescription& net, const TrainConfig& config, const StructureComparison& what) {
  PLIANT_REQUIRE(ConfigError, net.widths.empty() && net.exits.empty() && net.kept.empty(), net.name,
                 ": structures are compared on whole nets with one width and one exit");
  PLIANT_REQUIRE(UsageError, !what.ratios.empty(), "there is no ratio to prune");
  for (const double ratio : what.ratios) {
    PLIANT_REQUIRE(UsageError, ratio > 0.0 && ratio < 1.0, "a ratio to prune lies between 0 and 1, both excluded; got ", ratio);
    PLIANT_REQUIRE(UsageError, std::count(what.ratios.begin(), what.ratios.end(), ratio) == 1, "the ratio ", ratio, " is given twice");
  }
  PLIANT_REQUIRE(UsageError, what.weights || what.kernel_shapes.empty(), "kernel shapes are compared with sparse weights, not with channels");
  require_prunable(net, pruning(what, what.ratios.front()));
  if (what.from) {
    PLIANT_REQUIRE(ConfigError, stages_in(net) == stages_in(*what.from), net.name, " has ", stages_in(net), " stages of one map size, ", what.from->name,
                   " ", stages_in(*what.from), "; statistics are transferred stage by stage");
  }
  return Plan(net, config, what).made();
}

std::string structure_json(const Experiment& experiment, const std::vector<std::uint64_t>& seeds, const std::vector<ComparedRow>& rows) {
  nlohmann::ordered_json json = {{"comparison", experiment.name}, {"net", experiment.runs.front().net.name}, {"data", experiment.data}, {"seeds", seeds}};
  json["rows"] = nlohmann::ordered_json::parse(structure_table(experiment, rows).json());
  for (std::size_t i = 0; i < rows.size(); ++i) json["rows"][i]["accuracies"] = rows[i].accuracies;
  return json_text(json);
}

Table structure_table(const Experiment& experiment, const std::vector<ComparedRow>& rows) {
  using Format = Table::Format;
  Table table({{"run"},
               {"series"},
               {"seeds", Format::integer},
               {"error", Format::percent},
               {"deviation", Format::percent},
               {"parameters", Format::integer},
               {"macs", Format::integer},
               {"effective_macs", Format::integer},
               {"epochs", Format::integer},
               {"training_macs", Format::number},
               {"seconds", Format::number}});
  for (const ComparedRow& row : rows) {
    const auto run = std::find_if(experiment.runs.begin(), experiment.runs.end(), [&](const PlannedRun& planned) { return planned.name == row.run; });
    table.add_row({row.run, run->series, row.accuracy.count, 1.0 - row.accuracy.mean, row.accuracy.deviation, row.parameters, row.macs, row.effective_macs,
                   row.epochs.front(), row.training_macs, row.seconds});
  }
  return table;
}

}  // namespace pliant
