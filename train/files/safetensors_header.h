// The JSON header of a safetensors file: parsing and all checks. Used by the reader alone.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "train/files/safetensors.h"

namespace pliant {

struct SafetensorsSlot {
  TensorEntry entry;        // bytes still empty
  std::uint64_t begin = 0;  // offsets into the data, begin <= end
  std::uint64_t end = 0;
};

struct SafetensorsHeader {
  std::vector<SafetensorsSlot> slots;  // sorted by offset: they cover [0, data_bytes) without overlap or hole
  std::map<std::string, std::string> metadata;
};

// json: the header's text; data_bytes: the size of what follows it. FileError on any violation; path is for messages.
SafetensorsHeader parse_safetensors_header(const std::string& path, std::string_view json, std::uint64_t data_bytes);

// "[2, 3]", cut after eight dimensions.
std::string shape_text(const std::vector<std::int64_t>& shape);

// False if the number of elements, with empty dimensions counted as one, times bytes leaves 63 bits; else sets total
// to the true number of bytes.
bool shape_bytes(const std::vector<std::int64_t>& shape, std::size_t bytes, std::uint64_t& total);

}  // namespace pliant
