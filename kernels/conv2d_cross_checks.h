// What every body of the cross-shaped convolution shares: checks before it starts, and where its taps lie.
#pragma once

#include "core/gpu/annotations.h"
#include "kernels/conv2d_checks.h"
#include "kernels/conv2d_cross.h"

namespace pliant::kernels {

inline constexpr int kCrossTaps = 5;

struct CrossSizes {
  int n, h, w, c;  // x
  int k, p, q;     // filters and y
  int stride;

  std::int64_t output_pixels() const { return static_cast<std::int64_t>(n) * p * q; }
  std::int64_t input_pixels() const { return static_cast<std::int64_t>(n) * h * w; }
  std::int64_t weights() const { return static_cast<std::int64_t>(kCrossTaps) * c; }  // of one filter
};

// Arguments as of check_conv2d. Throws ShapeError.
CrossSizes check_conv2d_cross(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, int stride,
                              FilterRole role = FilterRole::weight);

// Distance of a tap from the centre.
PLIANT_HOST_DEVICE inline int cross_row(int tap) { return tap == 0 ? -1 : tap == 4 ? 1 : 0; }
PLIANT_HOST_DEVICE inline int cross_column(int tap) { return tap == 1 ? -1 : tap == 3 ? 1 : 0; }

// The first value of the pixel of x that output pixel `pixel` reads through a tap, or -1 outside the image.
PLIANT_HOST_DEVICE inline std::int64_t cross_input(const CrossSizes& z, std::int64_t pixel, int tap) {
  const std::int64_t q = pixel % z.q, p = pixel / z.q % z.p, n = pixel / z.q / z.p;
  const std::int64_t h = p * z.stride + cross_row(tap), w = q * z.stride + cross_column(tap);
  return h < 0 || h >= z.h || w < 0 || w >= z.w ? -1 : ((n * z.h + h) * z.w + w) * z.c;
}

// The output pixel that reads input pixel `pixel` through a tap, or -1 where there is none.
PLIANT_HOST_DEVICE inline std::int64_t cross_output(const CrossSizes& z, std::int64_t pixel, int tap) {
  const std::int64_t w = pixel % z.w - cross_column(tap), h = pixel / z.w % z.h - cross_row(tap), n = pixel / z.w / z.h;
  if (h < 0 || w < 0 || h % z.stride != 0 || w % z.stride != 0) return -1;
  const std::int64_t p = h / z.stride, q = w / z.stride;
  return p >= z.p || q >= z.q ? -1 : (n * z.p + p) * z.q + q;
}

}  // namespace pliant::kernels
