#include "train/compare/experiment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "nets/json.h"
#include "train/files/text.h"

namespace pliant {

namespace {

bool names_folder(const std::string& name) {
  const auto fits = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_';
  };
  return !name.empty() && name.front() != '.' && std::all_of(name.begin(), name.end(), fits);
}

const PlannedRun* find_run(const Experiment& experiment, const std::string& name, std::size_t before) {
  for (std::size_t i = 0; i < before; ++i) {
    if (experiment.runs[i].name == name) return &experiment.runs[i];
  }
  return nullptr;
}

}  // namespace

void check(const Experiment& experiment) {
  PLIANT_REQUIRE(ConfigError, !experiment.runs.empty(), experiment.name, ": there is no run to compare");
  for (std::size_t i = 0; i < experiment.runs.size(); ++i) {
    const PlannedRun& run = experiment.runs[i];
    PLIANT_REQUIRE(ConfigError, names_folder(run.name), experiment.name, ": run ", in_quotes(run.name),
                   ": a name has letters, digits, '.', '-' and '_', and does not begin with '.'");
    PLIANT_REQUIRE(ConfigError, !find_run(experiment, run.name, i), experiment.name, ": two runs are named ", run.name);
    PLIANT_REQUIRE(ConfigError, run.start_from.empty() || find_run(experiment, run.start_from, i), experiment.name, ": run ", run.name,
                   " starts from ", in_quotes(run.start_from), ", which is no run before it");
    PLIANT_REQUIRE(ConfigError, !run.prepared || run.prepared->from.empty() || find_run(experiment, run.prepared->from, i), experiment.name, ": run ", run.name,
                   " is made from ", in_quotes(run.prepared->from), ", which is no run before it");
    PLIANT_REQUIRE(ConfigError, !run.prepared || run.start_from.empty(), experiment.name, ": run ", run.name,
                   " is made from one run and starts from another");
    PLIANT_REQUIRE(ConfigError, run.time_reference.empty() || find_run(experiment, run.time_reference, experiment.runs.size()),
                   experiment.name, ": run ", run.name, " states its time beside ", in_quotes(run.time_reference), ", which is no run");
  }
}

EffectiveCost effective_cost(const Net& net, const Selection& select) {
  const NetCost whole = cost(net, select);
  EffectiveCost left{whole.parameters, whole.macs};
  for (const Parameter& parameter : net.store->parameters()) {
    if (!parameter.mask) continue;
    const std::vector<double> mask = parameter.mask.to_doubles();
    const auto gone = std::count(mask.begin(), mask.end(), 0.0);
    left.parameters -= gone;
    const std::string layer = parameter.name.substr(0, parameter.name.rfind('.'));
    const auto row = std::find_if(whole.layers.begin(), whole.layers.end(), [&](const LayerCost& entry) { return entry.name == layer; });
    if (row != whole.layers.end()) left.macs -= row->macs / static_cast<std::int64_t>(mask.size()) * gone;
  }
  return left;
}

std::vector<ResultRow> all_rows(const Net& best, const TrainResult& result) {
  std::vector<ResultRow> rows;
  const auto exits = static_cast<std::size_t>(best.exits());
  for (const RowFigures& measured : result.test_rows) {
    Selection select = only_exit(best, measured.exit);
    select.width = static_cast<int>(rows.size() / exits);  // the trainer goes through the exits of one width after another
    const EffectiveCost effective = effective_cost(best, select);
    rows.push_back({measured.width, measured.exit, measured.figures.accuracy, effective.parameters, cost(best, select).macs, effective.macs});
  }
  return rows;
}

double training_macs(const RunResult& result, const ResultRow& row) {
  constexpr double kForwards = 3.0;
  return kForwards * static_cast<double>(row.macs) * static_cast<double>(result.images) * static_cast<double>(result.epochs);
}

std::string to_json(const RunResult& result) {
  nlohmann::ordered_json json = {
      {"best_epoch", result.best_epoch}, {"epochs", result.epochs}, {"seconds", result.seconds}, {"epoch_seconds", result.epoch_seconds},
      {"images", result.images}};
  if (result.start_accuracy) json["start_accuracy"] = *result.start_accuracy;
  json["rows"] = nlohmann::ordered_json::array();
  for (const ResultRow& row : result.rows) {
    json["rows"].push_back(
        {{"width", row.width}, {"exit", row.exit}, {"accuracy", row.accuracy}, {"parameters", row.parameters}, {"macs", row.macs},
         {"effective_macs", row.effective_macs}});
  }
  return json_text(json, 2) + "\n";
}

RunResult run_result_from_json(const std::string& text, const std::string& path) {
  const auto json = parse_json(text, path);
  PLIANT_REQUIRE(FileError, json.is_object(), path, ": not a JSON object; remove it, and the run is measured again");
  RunResult result;
  try {
    result.best_epoch = json_field<std::int64_t>(json, "best_epoch");
    result.epochs = json_field<std::int64_t>(json, "epochs");
    result.seconds = json_field<double>(json, "seconds");
    result.epoch_seconds = json_field<double>(json, "epoch_seconds");
    result.images = json_field<std::int64_t>(json, "images", 0);  // records made before a field existed
    if (json.contains("start_accuracy")) result.start_accuracy = json_field<double>(json, "start_accuracy");
    for (const auto& row : json_member(json, "rows")) {
      const auto macs = json_field<std::int64_t>(row, "macs");
      result.rows.push_back({json_field<double>(row, "width"), json_field<int>(row, "exit"), json_field<double>(row, "accuracy"),
                             json_field<std::int64_t>(row, "parameters"), macs, json_field(row, "effective_macs", macs)});
    }
  } catch (const FileError& error) {
    throw FileError(cat(path, ": ", error.what(), "; remove it, and the run is measured again"));
  }
  PLIANT_REQUIRE(FileError, !result.rows.empty() && result.epochs > 0, path, ": holds no result; remove it, and the run is measured again");
  return result;
}

std::string to_json(const Experiment& experiment) {
  nlohmann::ordered_json json = {{"experiment", experiment.name}, {"data", experiment.data}};
  if (!experiment.other_data.empty()) json["other_data"] = experiment.other_data;
  json["runs"] = nlohmann::ordered_json::object();
  for (const PlannedRun& run : experiment.runs) {
    auto training = nlohmann::ordered_json::parse(to_json(run.config));
    training.erase("seed");
    nlohmann::ordered_json& entry = json["runs"][run.name];
    entry = {{"start_from", run.start_from}, {"net", nlohmann::ordered_json::parse(to_json(run.net))}, {"training", std::move(training)}};
    if (run.prepared) entry["prepared"] = {{"from", run.prepared->from}, {"how", run.prepared->text}};
    if (run.other_data) entry["other_data"] = true;
  }
  return json_text(json, 2) + "\n";
}

std::optional<std::string> first_difference(const std::string& recorded, const std::string& now) {
  const nlohmann::json before(parse_json(recorded, "the record of the experiment")), after(parse_json(now, "the experiment"));  // fields in order
  const auto patch = nlohmann::json::diff(before, after);
  if (patch.empty()) return std::nullopt;
  const auto path = patch[0].at("path").get<std::string>();
  const nlohmann::json::json_pointer place(path);
  const auto shown = [&](const nlohmann::json& json) { return json.contains(place) ? json_text(json.at(place)).substr(0, 80) : std::string("nothing"); };
  return cat(path.empty() ? "everything" : path.substr(1), " was ", shown(before), " and is ", shown(after), " now");
}

}  // namespace pliant
