#include "nets/description.h"

#include <nlohmann/json.hpp>

#include "core/check.h"

namespace pliant {

using Json = nlohmann::ordered_json;

std::string to_json(const NetDescription& d) {
  Json json;
  json["name"] = d.name;
  json["input"] = {{"height", d.height}, {"width", d.width}, {"channels", d.channels}};
  json["classes"] = d.classes;
  json["shortcut"] = std::string(1, d.shortcut);
  json["axis_sizes"] = d.axis_sizes;
  json["widths"] = d.widths;
  json["batch_norm_sets"] = d.batch_norm_sets;
  json["survival"] = d.survival;
  json["exits"] = d.exits;
  return json.dump();
}

namespace {

template <class T>
void read(const Json& json, const char* field, T& value) {
  if (!json.contains(field)) return;
  try {
    value = json.at(field).get<T>();
  } catch (const Json::exception&) {
    throw FileError(cat("net description: field \"", field, "\" holds ", json.at(field).dump(), ", which is not of the expected type"));
  }
}

template <class T>
void require_range(const char* field, T value, T low, T high) {
  PLIANT_REQUIRE(FileError, value >= low && value <= high, "net description: \"", field, "\" is ", value, ", expected ", low, " to ", high);
}

}  // namespace

NetDescription description_from_json(const std::string& text) {
  const Json json = Json::parse(text, nullptr, false);
  PLIANT_REQUIRE(FileError, json.is_object(), "net description: not a JSON object");
  PLIANT_REQUIRE(FileError, json.contains("name"), "net description: the field \"name\" is missing");
  NetDescription d;
  read(json, "name", d.name);
  if (json.contains("input")) {
    PLIANT_REQUIRE(FileError, json["input"].is_object(), "net description: \"input\" is not an object");
    read(json["input"], "height", d.height);
    read(json["input"], "width", d.width);
    read(json["input"], "channels", d.channels);
  }
  read(json, "classes", d.classes);
  std::string shortcut(1, d.shortcut);
  read(json, "shortcut", shortcut);
  PLIANT_REQUIRE(FileError, shortcut == "A" || shortcut == "B", "net description: \"shortcut\" is \"", shortcut, "\", expected A or B");
  d.shortcut = shortcut[0];
  read(json, "axis_sizes", d.axis_sizes);
  read(json, "widths", d.widths);
  read(json, "batch_norm_sets", d.batch_norm_sets);
  read(json, "survival", d.survival);
  read(json, "exits", d.exits);
  // Limits that no real net reaches, so that a hostile file cannot ask for absurd amounts of memory.
  constexpr std::int64_t kMaxSize = 1 << 20;
  require_range<std::int64_t>("height", d.height, 1, 1 << 14);
  require_range<std::int64_t>("width", d.width, 1, 1 << 14);
  require_range<std::int64_t>("channels", d.channels, 1, 1 << 12);
  require_range<int>("classes", d.classes, 1, 1 << 20);
  for (const auto& [axis, size] : d.axis_sizes) require_range<std::int64_t>(axis.c_str(), size, 1, kMaxSize);
  require_range<std::size_t>("widths", d.widths.size(), 0, 4096);
  return d;
}

}  // namespace pliant
