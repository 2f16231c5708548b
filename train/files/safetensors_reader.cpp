#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bit>
#include <cerrno>
#include <cstring>
#include <limits>
#include <new>
#include <utility>

#include "core/check.h"
#include "train/files/safetensors.h"
#include "train/files/safetensors_header.h"
#include "train/files/text.h"

static_assert(std::endian::native == std::endian::little, "safetensors data is little-endian and is used as it is");

namespace pliant {
namespace {

// A regular file, open for reading.
class InputFile {
 public:
  explicit InputFile(const std::string& path) : path_(path) {
    // Not blocking: a pipe of that name would otherwise wait for a writer for ever.
    descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    PLIANT_REQUIRE(FileError, descriptor_ >= 0, path, ": cannot be opened: ", std::strerror(errno));
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0 || !S_ISREG(status.st_mode)) {
      ::close(descriptor_);
      throw FileError(cat(path, ": is not a regular file"));
    }
    size_ = static_cast<std::uint64_t>(status.st_size);
  }
  ~InputFile() { ::close(descriptor_); }
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;

  std::uint64_t size() const { return size_; }

  void read(void* to, std::uint64_t bytes) {
    auto* out = static_cast<std::byte*>(to);
    while (bytes > 0) {
      const ssize_t got = ::read(descriptor_, out, bytes);
      if (got < 0 && errno == EINTR) continue;
      PLIANT_REQUIRE(FileError, got >= 0, path_, ": reading failed: ", std::strerror(errno));
      PLIANT_REQUIRE(FileError, got > 0, path_, ": ends ", bytes, " bytes early (it shrank while it was read)");
      out += got;
      bytes -= static_cast<std::uint64_t>(got);
    }
  }

 private:
  const std::string& path_;
  std::uint64_t size_ = 0;
  int descriptor_ = -1;
};

template <class Make>
auto within_memory(const std::string& path, std::uint64_t bytes, Make&& make) {
  try {
    return make();
  } catch (const std::bad_alloc&) {
    throw MemoryError(cat(path, ": no memory for its ", bytes, " bytes"));
  }
}

template <class Stored>
Stored load(const TensorEntry& entry, std::size_t i) {
  Stored value;
  std::memcpy(&value, entry.bytes.data() + i * sizeof(Stored), sizeof(Stored));  // may be unaligned
  return value;
}

template <class Stored, class T>
std::vector<T> floats_from(const TensorEntry& entry) {
  std::vector<T> out(entry.bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < out.size(); ++i) {
    if constexpr (std::is_same_v<Stored, double>) {
      out[i] = static_cast<T>(load<double>(entry, i));
    } else {
      out[i] = to_float(load<Stored>(entry, i));
    }
  }
  return out;
}

template <class T>
std::vector<T> read_floats(const std::string& path, const TensorEntry& entry) {
  if (entry.dtype == "F32") return floats_from<float, T>(entry);
  if (entry.dtype == "F64") return floats_from<double, T>(entry);
  if (entry.dtype == "F16") return floats_from<Half, T>(entry);
  if (entry.dtype == "BF16") return floats_from<BFloat16, T>(entry);
  throw FileError(
      cat(path, ": tensor ", in_quotes(entry.name), ": expected dtype F32, F64, F16 or BF16, got ", entry.dtype));
}

template <class Stored>
std::vector<std::int32_t> int32_from(const std::string& path, const TensorEntry& entry) {
  std::vector<std::int32_t> out(entry.bytes.size() / sizeof(Stored));
  for (std::size_t i = 0; i < out.size(); ++i) {
    const Stored value = load<Stored>(entry, i);
    PLIANT_REQUIRE(FileError, std::in_range<std::int32_t>(value), path, ": tensor ", in_quotes(entry.name),
                   ": element ", i, " is ", +value, ", outside the 32-bit range");
    out[i] = static_cast<std::int32_t>(value);
  }
  return out;
}

}  // namespace

std::int64_t TensorEntry::elements() const {
  std::int64_t product = 1;
  for (const std::int64_t size : shape) product *= size;
  return product;
}

SafetensorsReader::SafetensorsReader(const std::string& path) : path_(path) {
  InputFile file(path_);
  PLIANT_REQUIRE(FileError, file.size() >= 8, path_, ": has ", file.size(),
                 " bytes, a safetensors file has at least 8 (truncated or empty)");
  std::uint64_t length = 0;
  file.read(&length, sizeof length);
  const std::uint64_t rest = file.size() - 8;
  PLIANT_REQUIRE(FileError, length <= kMaxHeaderBytes, path_, ": the header would be ", length, " bytes, at most ",
                 kMaxHeaderBytes, " are allowed (not a safetensors file?)");
  PLIANT_REQUIRE(FileError, length <= rest, path_, ": the header would be ", length, " bytes, only ", rest,
                 " follow (truncated or corrupt)");
  auto json = within_memory(path_, length, [&] { return std::string(length, '\0'); });
  file.read(json.data(), length);

  const std::uint64_t data_bytes = rest - length;
  SafetensorsHeader header =
      within_memory(path_, length, [&] { return parse_safetensors_header(path_, json, data_bytes); });
  data_ = within_memory(path_, data_bytes, [&] { return std::make_unique_for_overwrite<std::byte[]>(data_bytes); });
  file.read(data_.get(), data_bytes);

  metadata_ = std::move(header.metadata);
  for (SafetensorsSlot& slot : header.slots) {
    slot.entry.bytes = {data_.get() + slot.begin, static_cast<std::size_t>(slot.end - slot.begin)};
    by_name_[slot.entry.name] = entries_.size();
    entries_.push_back(std::move(slot.entry));
  }
}

const TensorEntry* SafetensorsReader::find(std::string_view name) const {
  const auto found = by_name_.find(name);
  return found == by_name_.end() ? nullptr : &entries_[found->second];
}

const TensorEntry& SafetensorsReader::at(std::string_view name) const {
  const TensorEntry* entry = find(name);
  PLIANT_REQUIRE(FileError, entry, path_, ": has no tensor ", in_quotes(name), " among its ", entries_.size());
  return *entry;
}

const std::string& SafetensorsReader::metadata_at(const std::string& key) const {
  const auto found = metadata_.find(key);
  PLIANT_REQUIRE(FileError, found != metadata_.end(), path_, ": has no metadata ", in_quotes(key));
  return found->second;
}

std::vector<float> SafetensorsReader::read_float(const TensorEntry& entry) const {
  return read_floats<float>(path_, entry);
}

std::vector<double> SafetensorsReader::read_double(const TensorEntry& entry) const {
  return read_floats<double>(path_, entry);
}

std::vector<std::int32_t> SafetensorsReader::read_int32(const TensorEntry& entry) const {
  if (entry.dtype == "I64") return int32_from<std::int64_t>(path_, entry);
  if (entry.dtype == "I32") return int32_from<std::int32_t>(path_, entry);
  if (entry.dtype == "I16") return int32_from<std::int16_t>(path_, entry);
  if (entry.dtype == "I8") return int32_from<std::int8_t>(path_, entry);
  if (entry.dtype == "U64") return int32_from<std::uint64_t>(path_, entry);
  if (entry.dtype == "U32") return int32_from<std::uint32_t>(path_, entry);
  if (entry.dtype == "U16") return int32_from<std::uint16_t>(path_, entry);
  if (entry.dtype == "U8" || entry.dtype == "BOOL") return int32_from<std::uint8_t>(path_, entry);
  throw FileError(cat(path_, ": tensor ", in_quotes(entry.name), ": expected an integer dtype, got ", entry.dtype));
}

}  // namespace pliant
