#include "train/compare/experiment.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "core/check.h"
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
    PLIANT_REQUIRE(ConfigError, run.time_reference.empty() || find_run(experiment, run.time_reference, experiment.runs.size()),
                   experiment.name, ": run ", run.name, " states its time beside ", in_quotes(run.time_reference), ", which is no run");
  }
}

std::vector<ResultRow> all_rows(const Net& best, const TrainResult& result) {
  std::vector<ResultRow> rows;
  const auto exits = static_cast<std::size_t>(best.exits());
  for (const RowFigures& measured : result.test_rows) {
    Selection select = only_exit(best, measured.exit);
    select.width = static_cast<int>(rows.size() / exits);  // the trainer goes through the exits of one width after another
    const NetCost costs = cost(best, select);
    rows.push_back({measured.width, measured.exit, measured.figures.accuracy, costs.parameters, costs.macs});
  }
  return rows;
}

std::string to_json(const RunResult& result) {
  nlohmann::ordered_json json = {
      {"best_epoch", result.best_epoch}, {"epochs", result.epochs}, {"seconds", result.seconds}, {"epoch_seconds", result.epoch_seconds}};
  json["rows"] = nlohmann::ordered_json::array();
  for (const ResultRow& row : result.rows) {
    json["rows"].push_back(
        {{"width", row.width}, {"exit", row.exit}, {"accuracy", row.accuracy}, {"parameters", row.parameters}, {"macs", row.macs}});
  }
  return json.dump(2) + "\n";
}

RunResult run_result_from_json(const std::string& text, const std::string& path) {
  const auto json = nlohmann::json::parse(text, nullptr, false);
  PLIANT_REQUIRE(FileError, json.is_object(), path, ": not a JSON object; remove it, and the run is measured again");
  RunResult result;
  try {
    result.best_epoch = json.at("best_epoch").get<std::int64_t>();
    result.epochs = json.at("epochs").get<std::int64_t>();
    result.seconds = json.at("seconds").get<double>();
    result.epoch_seconds = json.at("epoch_seconds").get<double>();
    for (const auto& row : json.at("rows")) {
      result.rows.push_back({row.at("width").get<double>(), row.at("exit").get<int>(), row.at("accuracy").get<double>(),
                             row.at("parameters").get<std::int64_t>(), row.at("macs").get<std::int64_t>()});
    }
  } catch (const nlohmann::json::exception& error) {
    throw FileError(cat(path, ": ", error.what(), "; remove it, and the run is measured again"));
  }
  PLIANT_REQUIRE(FileError, !result.rows.empty() && result.epochs > 0, path, ": holds no result; remove it, and the run is measured again");
  return result;
}

std::string to_json(const Experiment& experiment) {
  nlohmann::ordered_json json = {{"experiment", experiment.name}, {"data", experiment.data}};
  json["runs"] = nlohmann::ordered_json::object();
  for (const PlannedRun& run : experiment.runs) {
    auto training = nlohmann::ordered_json::parse(to_json(run.config));
    training.erase("seed");
    json["runs"][run.name] = {
        {"start_from", run.start_from}, {"net", nlohmann::ordered_json::parse(to_json(run.net))}, {"training", std::move(training)}};
  }
  return json.dump(2) + "\n";
}

std::optional<std::string> first_difference(const std::string& recorded, const std::string& now) {
  const auto before = nlohmann::json::parse(recorded, nullptr, false), after = nlohmann::json::parse(now, nullptr, false);
  const auto patch = nlohmann::json::diff(before, after);
  if (patch.empty()) return std::nullopt;
  const auto path = patch[0].at("path").get<std::string>();
  const nlohmann::json::json_pointer place(path);
  const auto shown = [&](const nlohmann::json& json) { return json.contains(place) ? json.at(place).dump().substr(0, 80) : std::string("nothing"); };
  return cat(path.empty() ? "everything" : path.substr(1), " was ", shown(before), " and is ", shown(after), " now");
}

}  // namespace pliant
