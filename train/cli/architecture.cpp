#include "train/cli/architecture.h"

#include <fstream>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nets/json.h"
#include "nets/plans.h"
#include "train/checkpoint.h"
#include "train/files/text.h"

namespace pliant::cli {

namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxStructureBytes = 1 << 24;  // of a file with a structure
constexpr std::int32_t kMaxChannels = 1 << 20;

std::string architecture_names() {
  std::string names;
  for (const std::string& name : published_architectures()) names += " " + name;
  return names;
}

// The whole text of a JSON file; nothing for a checkpoint, which begins with a number of 64 bits and hence has zero bytes there.
std::string file_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  PLIANT_REQUIRE(UsageError, in.good(), "--architecture ", in_quotes(path), " is neither a file that can be read nor one of", architecture_names());
  std::string text(kMaxStructureBytes + 1, '\0');
  in.read(text.data(), static_cast<std::streamsize>(text.size()));
  text.resize(static_cast<std::size_t>(in.gcount()));
  if (std::string_view(text).substr(0, 8).find('\0') != std::string_view::npos) return {};
  PLIANT_REQUIRE(FileError, !text.empty(), path, ": is empty, no structure of a net");
  PLIANT_REQUIRE(FileError, text.size() <= kMaxStructureBytes, path, ": has more than ", kMaxStructureBytes, " bytes, no structure of a net");
  return text;
}

// A number of channels under "kept" stands for the leading ones.
Json with_lists(Json kept) {
  PLIANT_REQUIRE(FileError, kept.is_object(), "\"kept\" is no object of channels by axis");
  for (auto& [axis, channels] : kept.items()) {
    if (!channels.is_number_integer()) continue;
    const auto count = channels.get<std::int64_t>();
    PLIANT_REQUIRE(FileError, count >= 1 && count <= kMaxChannels, "\"kept\": axis ", axis, " keeps ", count, " channels");
    std::vector<std::int32_t> leading(static_cast<std::size_t>(count));
    std::iota(leading.begin(), leading.end(), 0);
    channels = leading;
  }
  return kept;
}

// A whole description replaces all but the input and the classes.
void take_description(const std::string& source, NetDescription architecture, NetDescription& d) {
  PLIANT_REQUIRE(ConfigError, architecture.name == d.name, "--architecture ", source, " is a structure of ", architecture.name, ", not of ", d.name);
  architecture.height = d.height;
  architecture.width = d.width;
  architecture.channels = d.channels;
  architecture.classes = d.classes;
  d = std::move(architecture);
}

void take_fields(const Json& json, NetDescription& d) {
  Json merged = Json::parse(to_json(d));
  bool any = false;
  for (const char* field : {"kept", "axis_sizes", "removed_blocks", "head", "stem", "shortcut", "kernel_shape", "block_scales"}) {
    if (!json.contains(field)) continue;
    any = true;
    merged[field] = field == std::string("kept") ? with_lists(json.at(field)) : json.at(field);
  }
  PLIANT_REQUIRE(FileError, any, "has neither a net's \"name\" nor \"kept\", \"axis_sizes\" or \"removed_blocks\"");
  d = description_from_json(json_text(merged));
}

}  // namespace

void apply_architecture(const std::string& name_or_file, NetDescription& d) {
  if (is_published_architecture(name_or_file)) return take_description(name_or_file, published_architecture(name_or_file), d);
  const std::string text = file_text(name_or_file);
  if (text.empty()) return take_description(name_or_file, read_checkpoint_header(name_or_file).description, d);
  const auto json = parse_json(text, name_or_file);
  PLIANT_REQUIRE(FileError, json.is_object(), name_or_file, ": holds neither a JSON object nor a checkpoint");
  try {
    if (json.contains("name")) return take_description(name_or_file, description_from_json(text), d);
    take_fields(json, d);
  } catch (const FileError& error) {
    throw FileError(cat(name_or_file, ": ", error.what()));
  }
}

}  // namespace pliant::cli
