#include "train/data/bytes.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#ifdef PLIANT_WITH_ZLIB
#include <zlib.h>
#endif

#include "core/check.h"

namespace pliant {
namespace {

constexpr std::size_t kChunk = 1 << 20;

struct CloseFile {
  void operator()(std::FILE* file) const { std::fclose(file); }
};

void check_regular(const std::filesystem::path& path) {
  std::error_code failed;
  PLIANT_REQUIRE(DataError, std::filesystem::exists(path, failed), path.string(), ": no such file");
  PLIANT_REQUIRE(DataError, std::filesystem::is_regular_file(path, failed), path.string(), ": not a regular file");
}

// Appends read(buffer, size) until it returns 0.
template <class Read>
std::vector<std::uint8_t> read_all(const std::filesystem::path& path, std::size_t first, std::int64_t limit,
                                   Read read) {
  std::vector<std::uint8_t> bytes;
  std::size_t filled = 0;
  bytes.resize(first);
  for (;;) {
    if (filled == bytes.size()) bytes.resize(filled + kChunk);
    const std::size_t got = read(bytes.data() + filled, bytes.size() - filled);
    if (got == 0) break;
    filled += got;
    PLIANT_REQUIRE(DataError, filled <= static_cast<std::uint64_t>(limit), path.string(), ": more than ", limit,
                   " bytes, expected at most that");
  }
  bytes.resize(filled);
  return bytes;
}

std::vector<std::uint8_t> read_gzip([[maybe_unused]] const std::filesystem::path& path,
                                    [[maybe_unused]] std::int64_t limit) {
#ifdef PLIANT_WITH_ZLIB
  struct CloseGzip {
    void operator()(gzFile file) const { gzclose_r(file); }
  };
  std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rb"));
  PLIANT_REQUIRE(DataError, file, path.string(), ": cannot be opened: ", std::strerror(errno));
  return read_all(path, 16 * kChunk, limit, [&](std::uint8_t* to, std::size_t size) {
    const int got = gzread(file.get(), to, static_cast<unsigned>(std::min(size, kChunk)));
    int status = Z_OK;
    const char* text = gzerror(file.get(), &status);
    PLIANT_REQUIRE(DataError, got >= 0 && status == Z_OK, path.string(), ": truncated or corrupt gzip data: ", text);
    PLIANT_REQUIRE(DataError, gzdirect(file.get()) == 0, path.string(), ": not a gzip file, though named .gz");
    return static_cast<std::size_t>(got);
  });
#else
  throw DataError(
      cat(path.string(), ": this build has no zlib; gunzip the file first, or build with zlib1g-dev installed"));
#endif
}

}  // namespace

std::vector<std::uint8_t> read_raw_file(const std::filesystem::path& path, std::int64_t limit) {
  check_regular(path);
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "rb"));
  PLIANT_REQUIRE(DataError, file, path.string(), ": cannot be opened: ", std::strerror(errno));
  std::error_code failed;
  const std::uint64_t size = std::filesystem::file_size(path, failed);
  PLIANT_REQUIRE(DataError, !failed, path.string(), ": its size cannot be read: ", failed.message());
  PLIANT_REQUIRE(DataError, size <= static_cast<std::uint64_t>(limit), path.string(), ": ", size,
                 " bytes, expected at most ", limit);
  // One byte more than the size, so that the end of the file is met without growing.
  return read_all(path, static_cast<std::size_t>(size) + 1, limit, [&](std::uint8_t* to, std::size_t room) {
    const std::size_t got = std::fread(to, 1, room, file.get());
    PLIANT_REQUIRE(DataError, !std::ferror(file.get()), path.string(), ": cannot be read: ", std::strerror(errno));
    return got;
  });
}

std::vector<std::uint8_t> read_data_file(const std::filesystem::path& path, std::int64_t limit) {
  if (path.extension() != ".gz") return read_raw_file(path, limit);
  check_regular(path);
  return read_gzip(path, limit);
}

bool reads_gzip() {
#ifdef PLIANT_WITH_ZLIB
  return true;
#else
  return false;
#endif
}

void write_data_file(const std::filesystem::path& path, std::span<const std::uint8_t> bytes) {
  std::unique_ptr<std::FILE, CloseFile> file(std::fopen(path.c_str(), "wb"));
  PLIANT_REQUIRE(FileError, file, path.string(), ": cannot be written: ", std::strerror(errno));
  const std::size_t written = std::fwrite(bytes.data(), 1, bytes.size(), file.get());
  const bool closed = std::fclose(file.release()) == 0;
  PLIANT_REQUIRE(FileError, written == bytes.size() && closed, path.string(),
                 ": cannot be written whole: ", std::strerror(errno));
}

}  // namespace pliant
