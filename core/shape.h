// The sizes of a contiguous array, slowest dimension first. At most four; no strides: the shape is the memory.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <ostream>

#include "core/check.h"

namespace pliant {

class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;  // rank 0: one element
  Shape(std::initializer_list<std::int64_t> sizes) {
    for (const std::int64_t size : sizes) append(size);
  }

  void append(std::int64_t size) {
    PLIANT_REQUIRE(ShapeError, rank_ < kMaxRank, "a tensor has at most ", kMaxRank, " dimensions");
    PLIANT_REQUIRE(ShapeError, size >= 0, "a dimension cannot be negative, got ", size);
    sizes_[static_cast<std::size_t>(rank_++)] = size;
  }

  int rank() const { return rank_; }
  // Negative indices count from the end: shape[-1] is the channel count of an activation.
  std::int64_t operator[](int i) const {
    const int at = i < 0 ? i + rank_ : i;
    PLIANT_REQUIRE(ShapeError, at >= 0 && at < rank_, "dimension ", i, " of a tensor with ", rank_, " dimensions");
    return sizes_[static_cast<std::size_t>(at)];
  }
  void set(int i, std::int64_t size) {
    PLIANT_REQUIRE(ShapeError, i >= 0 && i < rank_ && size >= 0, "cannot set dimension ", i, " to ", size);
    sizes_[static_cast<std::size_t>(i)] = size;
  }
  std::int64_t size() const {
    std::int64_t product = 1;
    for (int i = 0; i < rank_; ++i) product *= sizes_[static_cast<std::size_t>(i)];
    return product;
  }
  bool operator==(const Shape&) const = default;

 private:
  std::array<std::int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

inline std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  out << '[';
  for (int i = 0; i < shape.rank(); ++i) out << (i ? ", " : "") << shape[i];
  return out << ']';
}

}  // namespace pliant
