// What every body of the convolutions checks before it starts, once for all of them, and the sizes in the form that kernels
// and plan caches use. Each check throws ShapeError naming the operation, the shapes, the geometry and what is wrong.
#pragma once

#include "kernels/conv2d.h"

namespace pliant::kernels {

// All sizes of one convolution. Only ints, so that two can be compared as bytes; every product is taken in 64 bits.
struct Conv2dSizes {
  int n, h, w, c;          // x
  int k, r, s;             // filter
  int p, q;                // y
  int stride, padding, dilation, groups;
  int group_c, group_k;    // channels of one group: C / groups and K / groups

  std::int64_t output_pixels() const { return static_cast<std::int64_t>(n) * p * q; }
  std::int64_t input_pixels() const { return static_cast<std::int64_t>(n) * h * w; }
  int taps() const { return r * s; }
  std::int64_t products() const { return output_pixels() * taps() * group_c * k; }  // multiplications of the forward
};

enum class FilterRole : std::uint8_t { weight, gradient };

// `w` stands for w or dw (by its role), `x` for x or dx, `y` for y or dy. The bias may be no tensor. x, w and y have one dtype;
// the bias and dw have that in which sums are kept beside it (accumulation_dtype).
Conv2dSizes check_conv2d(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                         const Conv2dGeometry& geometry, FilterRole role = FilterRole::weight);
// The same, and groups = C = K.
Conv2dSizes check_depthwise(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                            const Conv2dGeometry& geometry, FilterRole role = FilterRole::weight);

// What conv2d_fused asks for beyond conv2d. Throws ShapeError or UsageError.
void check_conv2d_fused(const Tensor& residual, Activation f, const Tensor& y);

bool is_depthwise(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry);  // one filter and one group per channel

}  // namespace pliant::kernels
