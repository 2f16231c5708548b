#include "nets/description.h"

#include <nlohmann/json.hpp>

#include "core/check.h"
#include "nets/json.h"

namespace pliant {

using Json = nlohmann::ordered_json;

std::string to_json(const NetDescription& d) {
  Json json;
  json["name"] = d.name;
  json["input"] = {{"height", d.height}, {"width", d.width}, {"channels", d.channels}};
  json["classes"] = d.classes;
  json["shortcut"] = std::string(1, d.shortcut);
  json["branches"] = d.branches;
  json["flatten_head"] = d.flatten_head;
  json["head"] = d.head;
  json["stem"] = d.stem;
  json["kernel_shape"] = d.kernel_shape;
  json["axis_sizes"] = d.axis_sizes;
  json["kept"] = d.kept;
  json["removed_blocks"] = d.removed_blocks;
  json["block_scales"] = d.block_scales;
  json["widths"] = d.widths;
  json["width_ratios"] = d.width_ratios;
  json["batch_norm_sets"] = d.batch_norm_sets;
  json["shared_scale_shift"] = d.shared_scale_shift;
  json["survival"] = d.survival;
  json["gate_per_sample"] = d.gate_per_sample;
  json["folded"] = d.folded;
  json["scale_in_training"] = d.scale_in_training;
  json["exits"] = d.exits;
  json["exit_dropout"] = d.exit_dropout;
  json["last_stage"] = d.last_stage;
  return json_text(json);
}

namespace {

[[noreturn]] void refuse(const std::string& field, const Json& value, const std::string& expected) {
  throw FileError(cat("net description: \"", field, "\" is ", json_text(value).substr(0, 60), ", expected ", expected));
}

// Limits that no real net reaches, so that a hostile file cannot ask for absurd amounts of memory.
std::int64_t integer(const std::string& field, const Json& value, std::int64_t low, std::int64_t high) {
  const std::string expected = cat("a whole number from ", low, " to ", high);
  if (!value.is_number_integer()) refuse(field, value, expected);
  if (value.is_number_unsigned() && value.get<std::uint64_t>() > static_cast<std::uint64_t>(high)) refuse(field, value, expected);
  const auto number = value.get<std::int64_t>();
  if (number < low || number > high) refuse(field, value, expected);
  return number;
}

constexpr std::int64_t kMaxSize = 1 << 20;
constexpr std::size_t kMaxItems = 1 << 14;

// Calls take(item) for each item of an array field that may be missing.
template <class Take>
void each(const Json& json, const char* field, Take&& take) {
  if (!json.contains(field)) return;
  const Json& list = json.at(field);
  if (!list.is_array() || list.size() > kMaxItems) refuse(field, list, cat("a list of at most ", kMaxItems, " items"));
  for (const Json& item : list) take(item);
}

void read_flag(const Json& json, const char* field, bool& value) {
  if (!json.contains(field)) return;
  if (!json.at(field).is_boolean()) refuse(field, json.at(field), "true or false");
  value = json.at(field).get<bool>();
}

// A text that is one of a few; missing: stays as it is.
void read_choice(const Json& json, const char* field, std::initializer_list<const char*> choices, std::string& value) {
  if (!json.contains(field)) return;
  std::string expected;
  for (const char* choice : choices) {
    if (json.at(field) == choice) {
      value = choice;
      return;
    }
    expected += cat(expected.empty() ? "\"" : ", \"", choice, "\"");
  }
  refuse(field, json.at(field), expected);
}

double number(const char* field, const Json& value) {
  if (!value.is_number()) refuse(field, value, "a number");
  return value.get<double>();
}

void read_input(const Json& json, NetDescription& d) {
  if (!json.contains("input")) return;
  const Json& input = json.at("input");
  if (!input.is_object()) refuse("input", input, "an object with height, width and channels");
  if (input.contains("height")) d.height = integer("height", input.at("height"), 1, 1 << 14);
  if (input.contains("width")) d.width = integer("width", input.at("width"), 1, 1 << 14);
  if (input.contains("channels")) d.channels = integer("channels", input.at("channels"), 1, 1 << 12);
}

void read_axes(const Json& json, NetDescription& d) {
  if (json.contains("axis_sizes")) {
    const Json& sizes = json.at("axis_sizes");
    if (!sizes.is_object()) refuse("axis_sizes", sizes, "an object of sizes by axis");
    for (const auto& [axis, size] : sizes.items()) d.axis_sizes[axis] = integer(axis, size, 1, kMaxSize);
  }
  if (json.contains("kept")) {
    const Json& kept = json.at("kept");
    if (!kept.is_object()) refuse("kept", kept, "an object of lists of channels by axis");
    for (const auto& [axis, list] : kept.items()) {
      std::vector<std::int32_t>& channels = d.kept[axis];
      if (!list.is_array() || list.empty() || list.size() > kMaxItems) refuse(axis, list, "a list of channels");
      for (const Json& item : list) {
        channels.push_back(static_cast<std::int32_t>(integer(axis, item, channels.empty() ? 0 : channels.back() + 1, kMaxSize)));
      }
    }
  }
  each(json, "removed_blocks", [&](const Json& block) { d.removed_blocks.push_back(static_cast<int>(integer("removed_blocks", block, 0, kMaxSize))); });
  each(json, "widths", [&](const Json& row) {
    if (!row.is_array() || row.size() > kMaxItems) refuse("widths", row, "lists of sizes");
    std::vector<std::int64_t>& sizes = d.widths.emplace_back();
    for (const Json& size : row) sizes.push_back(integer("widths", size, 1, kMaxSize));
  });
  each(json, "width_ratios", [&](const Json& ratio) { d.width_ratios.push_back(number("width_ratios", ratio)); });
}

}  // namespace

NetDescription description_from_json(const std::string& text) {
  const auto json = parse_json(text, "net description");
  PLIANT_REQUIRE(FileError, json.is_object(), "net description: not a JSON object");
  PLIANT_REQUIRE(FileError, json.contains("name") && json.at("name").is_string(), "net description: \"name\" is missing or no text");
  NetDescription d;
  d.name = json.at("name").get<std::string>();
  read_input(json, d);
  if (json.contains("classes")) d.classes = static_cast<int>(integer("classes", json.at("classes"), 1, kMaxSize));
  if (json.contains("shortcut")) {
    const Json& shortcut = json.at("shortcut");
    if (shortcut != "A" && shortcut != "B") refuse("shortcut", shortcut, "\"A\" or \"B\"");
    d.shortcut = shortcut.get<std::string>()[0];
  }
  read_choice(json, "branches", {"code", "paper"}, d.branches);
  read_choice(json, "head", {"", "slimming", "l1", "bias", "gap"}, d.head);
  read_choice(json, "kernel_shape", {"full", "cross", "centre", "graded"}, d.kernel_shape);
  if (json.contains("stem")) d.stem = static_cast<int>(integer("stem", json.at("stem"), 0, kMaxSize));
  read_flag(json, "block_scales", d.block_scales);
  read_flag(json, "flatten_head", d.flatten_head);
  read_axes(json, d);
  if (json.contains("batch_norm_sets")) d.batch_norm_sets = static_cast<int>(integer("batch_norm_sets", json.at("batch_norm_sets"), 1, 4096));
  read_flag(json, "shared_scale_shift", d.shared_scale_shift);
  each(json, "survival", [&](const Json& probability) { d.survival.push_back(number("survival", probability)); });
  read_flag(json, "gate_per_sample", d.gate_per_sample);
  read_flag(json, "folded", d.folded);
  read_flag(json, "scale_in_training", d.scale_in_training);
  each(json, "exits", [&](const Json& exit) { d.exits.push_back(static_cast<int>(integer("exits", exit, 0, kMaxSize))); });
  if (json.contains("exit_dropout")) d.exit_dropout = number("exit_dropout", json.at("exit_dropout"));
  if (json.contains("last_stage")) d.last_stage = static_cast<int>(integer("last_stage", json.at("last_stage"), -1, kMaxSize));
  return d;
}

}  // namespace pliant
