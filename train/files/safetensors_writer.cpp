#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <utility>

#include "core/check.h"
#include "train/files/atomic_file.h"
#include "train/files/safetensors.h"
#include "train/files/safetensors_header.h"
#include "train/files/text.h"

namespace pliant {
namespace {

constexpr std::array<std::pair<std::string_view, std::size_t>, 16> kDtypes{{
    {"F64", 8}, {"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F8_E4M3", 1}, {"F8_E5M2", 1}, {"C64", 8}, {"I64", 8},
    {"I32", 4}, {"I16", 2}, {"I8", 1}, {"U64", 8}, {"U32", 4}, {"U16", 2}, {"U8", 1}, {"BOOL", 1},
}};

// The text as a JSON string.
std::string json_string(const std::string& text, const char* what) {
  try {
    return nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    throw Error(cat(what, " ", in_quotes(text), " is no valid UTF-8 and cannot be stored in a safetensors file"));
  }
}

}  // namespace

std::size_t safetensors_dtype_bytes(std::string_view dtype) {
  for (const auto& [name, bytes] : kDtypes) {
    if (name == dtype) return bytes;
  }
  return 0;
}

std::string safetensors_dtype_list() {
  std::string out;
  for (const auto& [name, bytes] : kDtypes) out += cat(out.empty() ? "" : ", ", name);
  return out;
}

const char* safetensors_dtype(DType dtype) {
  switch (dtype) {
    case DType::f32: return "F32";
    case DType::f64: return "F64";
    case DType::bf16: return "BF16";
    case DType::f16: return "F16";
    case DType::i32: return "I32";
    case DType::u8: return "U8";
  }
  return "?";
}

void SafetensorsWriter::add(const std::string& name, const std::string& dtype, std::vector<std::int64_t> shape,
                            std::span<const std::byte> bytes) {
  json_string(name, "the tensor name");
  PLIANT_REQUIRE(Error, name != "__metadata__", "a tensor cannot be named __metadata__");
  PLIANT_REQUIRE(Error, !tensors_.contains(name), "tensor ", in_quotes(name), " is added twice");
  const std::size_t element = safetensors_dtype_bytes(dtype);
  PLIANT_REQUIRE(Error, element > 0, "tensor ", in_quotes(name), ": unknown dtype ", in_quotes(dtype),
                 ", expected one of ", safetensors_dtype_list());
  std::uint64_t expected = 0;
  const bool fits = std::ranges::all_of(shape, [](std::int64_t size) { return size >= 0; }) &&
                    shape_bytes(shape, element, expected);
  PLIANT_REQUIRE(Error, fits, "tensor ", in_quotes(name), ": impossible shape ", shape_text(shape));
  PLIANT_REQUIRE(Error, bytes.size() == expected, "tensor ", in_quotes(name), ": shape ", shape_text(shape), " of ",
                 dtype, " needs ", expected, " bytes, got ", bytes.size());
  tensors_.emplace(name, Tensor{dtype, std::move(shape), {bytes.begin(), bytes.end()}});
}

void SafetensorsWriter::set_metadata(const std::string& key, const std::string& value) {
  json_string(key, "the metadata key");
  json_string(value, cat("the value of metadata ", in_quotes(key)).c_str());
  metadata_[key] = value;
}

std::string SafetensorsWriter::header(const std::vector<std::string>& order) const {
  std::string out = "{";
  const auto separate = [&out] { out += out.size() > 1 ? "," : ""; };
  if (!metadata_.empty()) out += cat("\"__metadata__\":", nlohmann::json(metadata_).dump());
  std::size_t begin = 0;
  for (const std::string& name : order) {
    const Tensor& tensor = tensors_.at(name);
    separate();
    out += cat(json_string(name, "the tensor name"), ":{\"dtype\":\"", tensor.dtype, "\",\"shape\":",
               nlohmann::json(tensor.shape).dump(), ",\"data_offsets\":[", begin, ",", begin + tensor.bytes.size(),
               "]}");
    begin += tensor.bytes.size();
  }
  out += "}";
  out.resize((out.size() + 7) / 8 * 8, ' ');  // the data begins on a multiple of 8
  return out;
}

void SafetensorsWriter::write(const std::string& path) const {
  std::vector<std::string> order;
  for (const auto& [name, tensor] : tensors_) order.push_back(name);
  std::ranges::stable_sort(order, std::greater<>{},
                           [&](const std::string& name) { return safetensors_dtype_bytes(tensors_.at(name).dtype); });
  const std::string text = header(order);
  PLIANT_REQUIRE(Error, text.size() <= SafetensorsReader::kMaxHeaderBytes, path, ": the header would be ", text.size(),
                 " bytes, at most ", SafetensorsReader::kMaxHeaderBytes, " are allowed");
  const std::uint64_t length = text.size();
  AtomicFile file(path);
  file.write(std::as_bytes(std::span(&length, 1)));
  file.write(text);
  for (const std::string& name : order) file.write(std::span<const std::byte>(tensors_.at(name).bytes));
  file.commit();
}

}  // namespace pliant
