// Tensors of a file on their way into a net: everything is read, converted and checked on the host first, then written at
// once, so that a bad file leaves a net as it was. Used by the checkpoint code alone.
#pragma once

#include <string>
#include <vector>

#include "train/files/layout.h"
#include "train/files/safetensors.h"

namespace pliant {

// FileError naming file, tensor, expected and actual shape unless the entry has the file shape of the parameter.
void require_file_shape(const SafetensorsReader& reader, const TensorEntry& entry, const Parameter& parameter);

class StagedTensors {
 public:
  explicit StagedTensors(const SafetensorsReader& reader) : reader_(reader) {}

  // target: f32 or f64 of the shape in memory; the entry has the same number of elements in file order.
  void floats(const TensorEntry& entry, const Tensor& target);
  // The same for a mask; FileError unless every element is 0 or 1. Any numeric dtype.
  void mask(const TensorEntry& entry, const Tensor& target);
  void commit();

 private:
  template <class T>
  void stage(const Tensor& target, const std::vector<T>& file_order);

  struct Item {
    Tensor target;
    std::vector<std::byte> bytes;
  };
  const SafetensorsReader& reader_;
  std::vector<Item> items_;
};

// A tensor of f32 or f64 in file order, ready for a writer.
void add_in_file_layout(SafetensorsWriter& writer, const std::string& name, const std::vector<std::int64_t>& shape,
                        const Tensor& values);
void add_mask_in_file_layout(SafetensorsWriter& writer, const std::string& name, const std::vector<std::int64_t>& shape,
                             const Tensor& mask);

}  // namespace pliant
