// What stb_image takes for granted of a PNG or JPEG file, checked before it decodes: whole chunks with their check sums, whole segments up to
// the end marker, for each scan the tables it decodes with, and for each component a scan. So a damaged file is refused, and not read as grey
// noise. Decodes nothing.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace pliant {

// DataError, which begins with the name: empty, neither PNG nor JPEG, truncated, corrupt.
void check_image(const std::string& name, std::span<const std::uint8_t> bytes);

// DataError where a checked file is too short for the size that its header promises.
void require_possible_size(const std::string& name, std::span<const std::uint8_t> bytes, int height, int width);

}  // namespace pliant
