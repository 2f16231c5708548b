#include "train/compare/plans.h"

#include <algorithm>
#include <utility>

#include "core/check.h"
#include "nets/extract.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "train/files/text.h"

namespace pliant {

namespace {

NetDescription without_exits(NetDescription d) {
  d.exits.clear();
  d.exit_dropout = 0.0;
  return d;
}

// How losses are formed stays; what weighs, orders or teaches further exits goes.
TrainConfig without_exits(TrainConfig config) {
  const DynamicOptions plain;
  DynamicOptions& o = config.dynamic;
  o.exit_weights = plain.exit_weights;
  o.anneal_exits = plain.anneal_exits;
  o.freeze_backbone = plain.freeze_backbone;
  o.detach_exits = plain.detach_exits;
  o.distill_exits = plain.distill_exits;
  o.exit_order = plain.exit_order;
  return config;
}

TrainConfig every_width(TrainConfig config) {
  config.dynamic.width_training = "all";
  config.dynamic.inplace_distillation = false;
  return config;
}

bool has_batch_norm(const NetDescription& d) {
  const Net net = build_net(d);
  const auto& parameters = std::as_const(*net.store).parameters();
  return std::any_of(parameters.begin(), parameters.end(), [](const Parameter& parameter) { return parameter.role == Role::scale; });
}

// The same width and exit of another run.
auto same_place_of(const std::string& run) {
  return [run](double width, int exit) { return std::optional(RowName{run, width, exit}); };
}

std::string alone_name(double ratio) { return "alone-" + number_text(ratio); }

// Row `width` of the table as a net of its own. It measures itself at width 1; its row is that of the ratio.
PlannedRun alone(const Net& slimmable, int width, const TrainConfig& config) {
  const double ratio = width_ratio(slimmable.description, width);
  PlannedRun run{.name = alone_name(ratio), .series = "each width alone", .config = every_width(config)};
  run.net = extracted_description(slimmable, {.width = width, .keep_exits = true});
  run.measure = [ratio](const Net& best, const TrainResult& result) {
    std::vector<ResultRow> rows = all_rows(best, result);
    for (ResultRow& row : rows) row.width = ratio;
    return rows;
  };
  return run;
}

}  // namespace

Experiment depth_comparison(const NetDescription& net, const TrainConfig& config) {
  PLIANT_REQUIRE(ConfigError, !net.survival.empty(), net.name, ": no block of it can close; give --stochastic-depth");
  NetDescription open = net;
  open.survival.clear();
  open.gate_per_sample = open.scale_in_training = false;
  Experiment experiment{.name = "depth"};
  experiment.runs.push_back({.name = "constant", .series = "constant depth", .net = open, .config = config});
  experiment.runs.push_back({.name = "stochastic", .series = "stochastic depth", .net = net, .config = config,
                             .reference = same_place_of("constant"), .time_reference = "constant"});
  return experiment;
}

Experiment slimmable_comparison(const NetDescription& net, const TrainConfig& config) {
  PLIANT_REQUIRE(ConfigError, !net.widths.empty(), net.name, ": one width is nothing to compare; give several --widths");
  const Net slimmable = build_net(net);
  const auto reference = [](double width, int exit) { return std::optional(RowName{alone_name(width), width, exit}); };
  Experiment experiment{.name = "slimmable"};
  experiment.runs.push_back({.name = "slimmable", .series = "slimmable", .net = net, .config = config, .reference = reference});
  for (int width = 0; width < slimmable.widths(); ++width) experiment.runs.push_back(alone(slimmable, width, config));
  if (!has_batch_norm(net)) {
    experiment.left_out = {cat("naive: ", net.name, " has no batch norm that its widths could share"),
                           cat("incremental: ", net.name, " has no batch norm, and incremental training needs one of every width's own")};
    return experiment;
  }
  NetDescription naive = net;
  naive.batch_norm_sets = 1;
  naive.shared_scale_shift = false;
  experiment.runs.push_back(
      {.name = "naive", .series = "one shared batch norm", .net = naive, .config = every_width(config), .reference = reference});
  if (config.epochs < slimmable.widths()) {
    experiment.left_out.push_back(cat("incremental: ", slimmable.widths(), " widths one after another need at least as many epochs, got ", config.epochs));
    return experiment;
  }
  NetDescription grown = net;
  grown.batch_norm_sets = slimmable.widths();
  grown.shared_scale_shift = false;
  TrainConfig growing = every_width(config);
  growing.dynamic.width_training = "incremental";
  experiment.runs.push_back(
      {.name = "incremental", .series = "one width after another", .net = grown, .config = growing, .reference = reference});
  return experiment;
}

namespace {

// The net without its exits and with them; `further` says whether exits before the last one have a reference.
Experiment exits_beside_none(const NetDescription& net, const TrainConfig& config, std::string name, PlannedRun without, PlannedRun with,
                             bool further) {
  PLIANT_REQUIRE(ConfigError, !net.exits.empty(), net.name, ": it has one exit, which is nothing to compare; give --exits");
  without.net = without_exits(net);
  without.config = without_exits(config);
  with.net = net;
  with.config = config;
  const auto last = static_cast<int>(net.exits.size());
  with.reference = [run = without.name, last, further](double width, int exit) {
    return exit == last || further ? std::optional(RowName{run, width, 0}) : std::nullopt;
  };
  Experiment experiment{.name = std::move(name)};
  experiment.runs.push_back(std::move(without));
  experiment.runs.push_back(std::move(with));
  return experiment;
}

}  // namespace

Experiment elastic_comparison(const NetDescription& net, const TrainConfig& config) {
  return exits_beside_none(net, config, "elastic",
                           {.name = "without", .series = "without further exits"},
                           {.name = "with", .series = "with exits"}, false);
}

Experiment branchy_comparison(const NetDescription& net, const TrainConfig& config) {
  return exits_beside_none(net, config, "branchy", {.name = "trunk", .series = "trunk alone"},
                           {.name = "branchy", .series = "with branches", .start_from = "trunk"}, true);
}

}  // namespace pliant
