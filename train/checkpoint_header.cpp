#include "train/checkpoint_header.h"

#include <cmath>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "nets/zoo.h"
#include "train/files/text.h"
#include "train/precision.h"
#include "train/version.h"

namespace pliant {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormatKey = "pliant.format";
constexpr const char* kFormat = "1";

// The metadata value as JSON of type T.
template <class T>
T parse_field(const SafetensorsReader& reader, const std::string& key, const char* field, const char* expected) {
  const auto json = parse_json(reader.metadata_at(key), reader.path());
  try {
    return field ? json_field<T>(json, field) : json_value<T>(json, key);
  } catch (const FileError&) {
    throw FileError(cat(reader.path(), ": metadata ", in_quotes(key), " is not ", expected));
  }
}

void require_normalisation(const std::string& path, const Normalisation& n, std::int64_t channels) {
  if (n.mean.empty() && n.std.empty()) return;
  PLIANT_REQUIRE(FileError, static_cast<std::int64_t>(n.mean.size()) == channels && static_cast<std::int64_t>(n.std.size()) == channels,
                 path, ": metadata 'normalisation' has ", n.mean.size(), " means and ", n.std.size(), " deviations for ", channels,
                 " channels");
  for (std::size_t i = 0; i < n.mean.size(); ++i) {
    PLIANT_REQUIRE(FileError, std::isfinite(n.mean[i]) && std::isfinite(n.std[i]) && n.std[i] > 0, path,
                   ": metadata 'normalisation' of channel ", i, " is mean ", n.mean[i], ", deviation ", n.std[i],
                   "; expected finite numbers, the deviation above 0");
  }
}

}  // namespace

void write_checkpoint_header(SafetensorsWriter& writer, const NetDescription& description, DType dtype, const CheckpointInfo& info) {
  writer.set_metadata(kFormatKey, kFormat);
  writer.set_metadata("pliant.version", program_version());
  writer.set_metadata("net", to_json(description));
  writer.set_metadata("dtype", safetensors_dtype(dtype));
  writer.set_metadata("precision", info.precision);
  writer.set_metadata("normalisation", json_text(Json{{"mean", info.normalisation.mean}, {"std", info.normalisation.std}}));
  writer.set_metadata("class_names", json_text(Json(info.class_names)));
  if (!info.trainer_state.empty()) writer.set_metadata("trainer", info.trainer_state);
}

CheckpointHeader parse_checkpoint_header(const SafetensorsReader& reader) {
  const std::string& path = reader.path();
  const auto& metadata = reader.metadata();
  const auto format = metadata.find(kFormatKey);
  PLIANT_REQUIRE(FileError, format != metadata.end(), path, ": is a safetensors file, but no checkpoint of this program (no metadata '",
                 kFormatKey, "'); `pliant import NET FILE --output CHECKPOINT` makes one of plain weights");
  PLIANT_REQUIRE(FileError, format->second == kFormat, path, ": is a checkpoint of format ", in_quotes(format->second),
                 ", this program reads format ", kFormat);
  CheckpointHeader header;
  try {
    header.description = description_from_json(reader.metadata_at("net"));
  } catch (const FileError& error) {
    throw FileError(std::string(error.what()).starts_with(path) ? error.what() : cat(path, ": ", error.what()));
  }
  CheckpointInfo& info = header.info;
  info.normalisation.mean = parse_field<std::vector<float>>(reader, "normalisation", "mean", "an object with lists of numbers");
  info.normalisation.std = parse_field<std::vector<float>>(reader, "normalisation", "std", "an object with lists of numbers");
  require_normalisation(path, info.normalisation, header.description.channels);
  info.class_names = parse_field<std::vector<std::string>>(reader, "class_names", nullptr, "a list of texts");
  PLIANT_REQUIRE(FileError, info.class_names.empty() || static_cast<int>(info.class_names.size()) == header.description.classes, path,
                 ": metadata 'class_names' has ", info.class_names.size(), " names for ", header.description.classes, " classes");
  if (const auto precision = metadata.find("precision"); precision != metadata.end()) {  // files made before it existed mean f32
    try {
      info.precision = name_of(parse_precision(precision->second));
    } catch (const UsageError& error) {
      throw FileError(cat(path, ": metadata 'precision': ", error.what()));
    }
  }
  if (const auto trainer = metadata.find("trainer"); trainer != metadata.end()) info.trainer_state = trainer->second;
  return header;
}

CheckpointHeader read_checkpoint_header(const std::string& path) { return parse_checkpoint_header(SafetensorsReader(path)); }

Net build_described_net(const std::string& path, const NetDescription& description) {
  try {
    return build_net(description);
  } catch (const MemoryError&) {
    throw;
  } catch (const Error& error) {
    throw FileError(cat(path, ": the net it describes cannot be built: ", error.what()));
  }
}

}  // namespace pliant
