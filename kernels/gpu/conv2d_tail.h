// A fused convolution on the GPU: what the library, or the emulator in its place, computes, and what is left behind it.
#pragma once

#include "kernels/conv2d.h"

namespace pliant::kernels::gpu {

// As conv2d_fused for what is not depthwise.
void conv2d_dense_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                        const Conv2dGeometry& geometry, Tensor& y);

// y = f(y + residual), a pass for each of the two that is asked for.
void add_conv2d_tail(const Tensor& residual, Activation f, Tensor& y);

}  // namespace pliant::kernels::gpu
