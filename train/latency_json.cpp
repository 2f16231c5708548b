// The file form of a latency table.
#include <nlohmann/json.hpp>

#include "core/nesting.h"
#include "train/latency.h"

namespace pliant {

namespace {

using Json = nlohmann::ordered_json;

std::optional<double> optional_number(const Json& row, const char* field) {
  const auto found = row.find(field);
  if (found == row.end() || found->is_null()) return std::nullopt;
  return found->get<double>();
}

LatencyRow row_from(const Json& json) {
  LatencyRow row;
  row.width = json.at("width").get<double>();
  row.exit = json.at("exit").get<int>();
  row.batch = json.at("batch").get<std::int64_t>();
  row.parameters = json.at("parameters").get<std::int64_t>();
  row.macs = json.at("macs").get<std::int64_t>();
  row.median_ms = json.at("median_ms").get<double>();
  row.p90_ms = json.at("p90_ms").get<double>();
  row.plain_ms = optional_number(json, "plain_ms");
  row.accuracy = optional_number(json, "accuracy");
  return row;
}

}  // namespace

std::string to_json(const LatencyTable& table) {
  Json json = {{"net", table.net}, {"device", table.device}, {"threads", table.threads}};
  json["rows"] = Json::array();
  for (const LatencyRow& row : table.rows) {
    Json entry = {{"width", row.width}, {"exit", row.exit}, {"batch", row.batch}, {"parameters", row.parameters}, {"macs", row.macs},
                  {"median_ms", row.median_ms}, {"p90_ms", row.p90_ms}};
    if (row.plain_ms) {
      entry["plain_ms"] = *row.plain_ms;
      entry["overhead"] = row.median_ms / *row.plain_ms;
    }
    if (row.accuracy) entry["accuracy"] = *row.accuracy;
    json["rows"].push_back(std::move(entry));
  }
  return json.dump();
}

LatencyTable latency_table_from_json(const std::string& text) {
  require_shallow(text, "latency table");
  const Json json = Json::parse(text, nullptr, false);
  PLIANT_REQUIRE(FileError, json.is_object(), "latency table: not a JSON object");
  LatencyTable table;
  try {
    table.net = json.at("net").get<std::string>();
    table.device = json.at("device").get<std::string>();
    table.threads = json.at("threads").get<int>();
    for (const Json& row : json.at("rows")) table.rows.push_back(row_from(row));
  } catch (const Json::exception& error) {
    throw FileError(cat("latency table: ", error.what()));
  }
  return table;
}

}  // namespace pliant
