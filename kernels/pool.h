// Pooling over NHWC.  x [N, H, W, C], y [N, P, Q, C]; f32 | bf16 | f16, or f64 on the CPU.
#pragma once

#include "core/kernel.h"

namespace pliant {

struct PoolGeometry {
  int size = 2, stride = 2, padding = 0;   // the same in both directions; padding at most size / 2
  bool ceil = false;                       // round the output size up (Caffe, Chainer) instead of down; as in PyTorch, a window
                                           // that would start in the right or lower padding is left out
  bool count_padding = true;               // average: padded zeros count in the divisor; pixels beyond the padding never do

  std::int64_t output_size(std::int64_t in) const;
  bool operator==(const PoolGeometry&) const = default;
};

// The shape of y. Throws ShapeError if the geometry does not fit.
Shape pool_output_shape(const Shape& x, const PoolGeometry& geometry);

}  // namespace pliant

namespace pliant::kernels {

// y = the largest value of each window; chosen [N, P, Q, C] i32 keeps which pixel (h W + w) it was, the first of equals in
// reading order; NaN wins. Padding never wins.
PLIANT_KERNEL(max_pool_forward, (const Tensor& x, const PoolGeometry& geometry, Tensor& y, Tensor& chosen));
PLIANT_KERNEL(max_pool_backward, (const Tensor& dy, const Tensor& chosen, const PoolGeometry& geometry, Tensor& dx));

PLIANT_KERNEL(average_pool_forward, (const Tensor& x, const PoolGeometry& geometry, Tensor& y));
PLIANT_KERNEL(average_pool_backward, (const Tensor& dy, const PoolGeometry& geometry, Tensor& dx));

// y [N, C] = the mean over H and W.
PLIANT_KERNEL(global_average_pool_forward, (const Tensor& x, Tensor& y));
PLIANT_KERNEL(global_average_pool_backward, (const Tensor& dy, Tensor& dx));

}  // namespace pliant::kernels
