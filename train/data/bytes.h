// Whole files in memory, for data sets: read with a limit, gunzipped where the name ends in .gz, and written. Not for
// checkpoints, which need atomic writes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <vector>

namespace pliant {

// All bytes of a file as stored. DataError: missing, not a regular file, unreadable, more than limit bytes.
std::vector<std::uint8_t> read_raw_file(const std::filesystem::path& path, std::int64_t limit = std::int64_t{1} << 32);

// The same, but a name that ends in .gz is gunzipped. DataError also for a truncated or corrupt gzip stream, and for a
// .gz in a build without zlib. limit counts the bytes that come out.
std::vector<std::uint8_t> read_data_file(const std::filesystem::path& path, std::int64_t limit = std::int64_t{1} << 32);

// Whether this build reads .gz files (it was built with zlib).
bool reads_gzip();

// The number that four bytes stand for, the highest first.
inline std::uint32_t big_endian(const std::uint8_t* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

// Creates or replaces a file. FileError if it cannot be written whole.
void write_data_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes);

}  // namespace pliant
