// Where a resized pixel lies in its source and what bilinear_resize requires of its arguments, once for every backend.
#pragma once

#include "core/gpu/annotations.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline constexpr std::int64_t kLongestSide = 16384;  // (2 P - 1) H fits in 32 bits

template <class T>
struct Tap {  // source[first] + share (source[second] - source[first])
  std::int32_t first, second;
  T share;
};

// Pixel `to` of `size`, in `from` source pixels. In integers, so that every device and dtype finds the same pixels:
// (to + 1/2) from / size - 1/2 = ((2 to + 1) from - size) / (2 size).
template <class T>
PLIANT_HOST_DEVICE inline Tap<T> bilinear_tap(std::int32_t to, std::int32_t size, std::int32_t from) {
  const std::int32_t numerator = (2 * to + 1) * from - size, position = numerator > 0 ? numerator : 0;
  const std::int32_t first = position / (2 * size), rest = position - first * 2 * size;
  return {first, first + 1 < from ? first + 1 : first, static_cast<T>(rest) / static_cast<T>(2 * size)};
}

template <class T>
PLIANT_HOST_DEVICE inline T blend(T first, T second, T share) {
  return first + share * (second - first);  // equal pixels stay what they are
}

inline void check_bilinear_resize(const Tensor& x, const Tensor& y) {
  require_storage("bilinear_resize", "x", x);
  require_rank("bilinear_resize", "x", x, 4);
  require_rank("bilinear_resize", "y", y, 4);
  const Shape &from = x.shape(), &to = y.shape();
  PLIANT_REQUIRE(ShapeError, y.dtype() == x.dtype() && from[0] == to[0] && from[3] == to[3],
                 "bilinear_resize: y must have the samples, channels and dtype of x; x is ", x, ", y ", y);
  for (const std::int64_t side : {from[1], from[2], to[1], to[2]}) {
    PLIANT_REQUIRE(ShapeError, side >= 1 && side <= kLongestSide, "bilinear_resize: sides have 1 to ", kLongestSide,
                   " pixels; x is ", x, ", y ", y);
  }
}

}  // namespace pliant::kernels
