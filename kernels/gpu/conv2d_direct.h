// The hand-written convolution of the GPU: any geometry, f32, bf16 and f16, deterministic. It computes what no library plan fits, everything
// under the emulator, and is what cuDNN is tested against.
#pragma once

#include "kernels/conv2d.h"

namespace pliant::kernels::gpu {

// Shapes and errors as in kernels/conv2d.h.
void conv2d_direct_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y);
void conv2d_direct_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx);
void conv2d_direct_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw);

}  // namespace pliant::kernels::gpu
