// Two-dimensional convolution (cross-correlation, as in all frameworks) over NHWC activations.
//   x [N, H, W, C]   w [K, R, S, C / groups]   bias [K] or no tensor   y, dy [N, P, Q, K]
//   y[n,p,q,k] = bias[k] + sum over r, s, c of x[n, p stride - padding + r dilation, q stride - padding + s dilation, c] w[k,r,s,c]
// where positions outside the image count as zero and channel k reads the channels of its group alone.
// x, w, y, dx and dy have one dtype: f32 | f64 on the CPU, f32 on the GPU, bf16 | f16 where cuDNN computes. The bias and dw are f32
// beside 16 bits, else of that dtype; sums in float (double for f64). The gradient of the bias is channel_sum.
#pragma once

#include "core/kernel.h"
#include "kernels/elementwise.h"

namespace pliant {

struct Conv2dGeometry {
  int stride = 1, padding = 0, dilation = 1, groups = 1;  // the same in both directions
  bool operator==(const Conv2dGeometry&) const = default;

  // Pixels along one direction of the output: floor((in + 2 padding - dilation (taps - 1) - 1) / stride) + 1.
  std::int64_t output_size(std::int64_t in, std::int64_t taps) const {
    return (in + 2 * padding - dilation * (taps - 1) - 1) / stride + 1;
  }
};

// The shape of y. Throws ShapeError naming all sizes if x, w and the geometry do not fit or the output is empty.
Shape conv2d_output_shape(const Shape& x, const Shape& w, const Conv2dGeometry& geometry);

}  // namespace pliant

namespace pliant::kernels {

PLIANT_KERNEL(conv2d_forward, (const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y));

// y = f(conv2d(x, w) + bias + residual), for inference: nothing that a gradient needs is kept. residual [N, P, Q, K] or no tensor;
// identity or relu. Depthwise where groups = C = K. On the CPU one pass where oneDNN has it; there relu may turn NaN into 0.
PLIANT_KERNEL(conv2d_fused, (const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                             const Conv2dGeometry& geometry, Tensor& y));

// dx is written.
PLIANT_KERNEL(conv2d_backward_data, (const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx));

// dw = dw + gradient: parameter gradients accumulate.
PLIANT_KERNEL(conv2d_backward_filter, (const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw));

// Depthwise: groups = C = K, w [C, R, S, 1]. Own kernels, bound by memory (Howard et al., MobileNets, 2017).
PLIANT_KERNEL(depthwise_conv2d_forward,
              (const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y));
PLIANT_KERNEL(depthwise_conv2d_backward_data, (const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx));
PLIANT_KERNEL(depthwise_conv2d_backward_filter,
              (const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw));  // accumulates

}  // namespace pliant::kernels
