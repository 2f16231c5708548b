// The file form of a latency table.
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/latency.h"

namespace pliant {

namespace {

using Json = nlohmann::ordered_json;

std::optional<double> optional_number(const Json& row, const char* field) {
  if (!row.contains(field) || row.at(field).is_null()) return std::nullopt;
  return json_field<double>(row, field);
}

LatencyRow row_from(const Json& json) {
  LatencyRow row;
  row.width = json_field<double>(json, "width");
  row.exit = json_field<int>(json, "exit");
  row.batch = json_field<std::int64_t>(json, "batch");
  row.parameters = json_field<std::int64_t>(json, "parameters");
  row.macs = json_field<std::int64_t>(json, "macs");
  row.median_ms = json_field<double>(json, "median_ms");
  row.p90_ms = json_field<double>(json, "p90_ms");
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
  return json_text(json);
}

LatencyTable latency_table_from_json(const std::string& text) {
  const auto json = parse_json(text, "latency table");
  PLIANT_REQUIRE(FileError, json.is_object(), "latency table: not a JSON object");
  LatencyTable table;
  try {
    table.net = json_field<std::string>(json, "net");
    table.device = json_field<std::string>(json, "device");
    table.threads = json_field<int>(json, "threads");
    for (const Json& row : json_member(json, "rows")) table.rows.push_back(row_from(row));
  } catch (const FileError& error) {
    throw FileError(cat("latency table: ", error.what()));
  }
  return table;
}

}  // namespace pliant
