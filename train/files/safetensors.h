// The safetensors format: u64 little-endian header length, a JSON header, then the data of all tensors without gaps.
// A file is hostile: the reader checks all of it before offering any, and never trusts an offset, a shape or a length.
// Names and layouts mean nothing here; nets/ and the checkpoint code give them meaning. Host memory only.
// Source: the format description of huggingface/safetensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/dtype.h"

namespace pliant {

// Bytes of one element of a safetensors dtype ("F32", "I64", "BOOL", ...), 0 for an unknown one.
std::size_t safetensors_dtype_bytes(std::string_view dtype);
// All known dtypes, for messages: "BOOL, U8, ...".
std::string safetensors_dtype_list();
// "F32" for DType::f32 and so on.
const char* safetensors_dtype(DType dtype);

struct TensorEntry {
  std::string name;
  std::string dtype;                 // as in the file: F32, I64, ...
  std::vector<std::int64_t> shape;   // any rank; [] is a scalar, a 0 makes an empty tensor
  std::span<const std::byte> bytes;  // row-major, little-endian, perhaps unaligned; lives as long as the reader

  std::int64_t elements() const;
};

class SafetensorsReader {
 public:
  // The header of the reference implementation may not be longer either.
  static constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;

  // Reads and checks the whole file. FileError if it is missing, unreadable, no regular file, or violates the format
  // anywhere; MemoryError if it does not fit in memory.
  explicit SafetensorsReader(const std::string& path);
  SafetensorsReader(SafetensorsReader&&) = default;
  SafetensorsReader& operator=(SafetensorsReader&&) = default;

  const std::string& path() const { return path_; }
  const std::vector<TensorEntry>& entries() const { return entries_; }  // in the order of their data
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  // The entry of that name, or null.
  const TensorEntry* find(std::string_view name) const;
  // The same; FileError that names the tensor if there is none.
  const TensorEntry& at(std::string_view name) const;
  // The metadata value; FileError that names the key if there is none.
  const std::string& metadata_at(const std::string& key) const;

  // Copies with conversion. Floats come from F64, F32, F16, BF16 (F64 to float rounds); integers from I64 to U8 and
  // BOOL, refused if a value is out of range. FileError for another dtype.
  std::vector<float> read_float(const TensorEntry& entry) const;
  std::vector<double> read_double(const TensorEntry& entry) const;
  std::vector<std::int32_t> read_int32(const TensorEntry& entry) const;

 private:
  std::string path_;
  std::unique_ptr<std::byte[]> data_;
  std::vector<TensorEntry> entries_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  std::map<std::string, std::string> metadata_;
};

// Collects copies of tensors, then writes them as one file. The same content gives the same bytes: data is ordered by
// falling element size, then name, so that every tensor is aligned; metadata is sorted.
class SafetensorsWriter {
 public:
  // Error for a name that was added before, is "__metadata__" or is no UTF-8, an unknown dtype, a negative size, or a
  // number of bytes that does not match.
  void add(const std::string& name, const std::string& dtype, std::vector<std::int64_t> shape,
           std::span<const std::byte> bytes);
  template <class T>
  void add(const std::string& name, std::vector<std::int64_t> shape, std::span<const T> values) {
    add(name, safetensors_dtype(dtype_of<T>), std::move(shape), std::as_bytes(values));
  }
  // Replaces the value of a key that was set before. Error if either text is no UTF-8.
  void set_metadata(const std::string& key, const std::string& value);
  // Atomically; Error if the file cannot be written. The writer stays as it is and can write again.
  void write(const std::string& path) const;

 private:
  struct Tensor {
    std::string dtype;
    std::vector<std::int64_t> shape;
    std::vector<std::byte> bytes;
  };
  std::string header(const std::vector<std::string>& order) const;

  std::map<std::string, Tensor> tensors_;
  std::map<std::string, std::string> metadata_;
};

}  // namespace pliant
