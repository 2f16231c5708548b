#include "train/files/staged_tensors.h"

#include <cstring>

#include "train/files/safetensors_header.h"
#include "train/files/text.h"

namespace pliant {

void require_file_shape(const SafetensorsReader& reader, const TensorEntry& entry, const Parameter& parameter) {
  const std::vector<std::int64_t> expected = file_shape(parameter);
  PLIANT_REQUIRE(FileError, entry.shape == expected, reader.path(), ": tensor ", in_quotes(entry.name), ": expected the shape ",
                 shape_text(expected), " for this net, got ", shape_text(entry.shape));
}

template <class T>
void StagedTensors::stage(const Tensor& target, const std::vector<T>& file_order) {
  const std::vector<T> values = channels_last<T>(target.shape(), file_order);
  Item& item = items_.emplace_back(Item{target, std::vector<std::byte>(target.bytes())});
  if (!values.empty()) std::memcpy(item.bytes.data(), values.data(), item.bytes.size());
}

void StagedTensors::floats(const TensorEntry& entry, const Tensor& target) {
  if (target.dtype() == DType::f64) {
    stage(target, reader_.read_double(entry));
  } else {
    stage(target, reader_.read_float(entry));
  }
}

void StagedTensors::mask(const TensorEntry& entry, const Tensor& target) {
  std::vector<double> values;
  if (entry.dtype[0] == 'F' || entry.dtype == "BF16") {
    values = reader_.read_double(entry);
  } else {
    const std::vector<std::int32_t> integers = reader_.read_int32(entry);
    values.assign(integers.begin(), integers.end());
  }
  for (std::size_t i = 0; i < values.size(); ++i) {
    PLIANT_REQUIRE(FileError, values[i] == 0.0 || values[i] == 1.0, reader_.path(), ": tensor ", in_quotes(entry.name),
                   ": a mask holds 0 and 1, element ", i, " is ", values[i]);
  }
  if (target.dtype() == DType::f64) {
    stage(target, values);
  } else {
    stage(target, std::vector<float>(values.begin(), values.end()));
  }
}

void StagedTensors::commit() {
  for (Item& item : items_) item.target.write(item.bytes.data());
  items_.clear();
}

namespace {

template <class T>
void add_values(SafetensorsWriter& writer, const std::string& name, const std::vector<std::int64_t>& shape, const Tensor& values) {
  const std::vector<T> in_memory = values.to_host<T>();
  const std::vector<T> in_file = channels_first<T>(values.shape(), in_memory);
  writer.add(name, shape, std::span<const T>(in_file));
}

}  // namespace

void add_in_file_layout(SafetensorsWriter& writer, const std::string& name, const std::vector<std::int64_t>& shape,
                        const Tensor& values) {
  if (values.dtype() == DType::f64) {
    add_values<double>(writer, name, shape, values);
  } else {
    add_values<float>(writer, name, shape, values);
  }
}

void add_mask_in_file_layout(SafetensorsWriter& writer, const std::string& name, const std::vector<std::int64_t>& shape,
                             const Tensor& mask) {
  const std::vector<double> in_memory = mask.to_doubles();
  const std::vector<double> in_file = channels_first<double>(mask.shape(), in_memory);
  const std::vector<std::uint8_t> bytes(in_file.begin(), in_file.end());
  writer.add(name, shape, std::span<const std::uint8_t>(bytes));
}

}  // namespace pliant
