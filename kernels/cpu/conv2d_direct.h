// The specification of convolution: plain loops, sums in double. It computes f64, f32 in builds without oneDNN, and is what the
// other versions are tested against.
#pragma once

#include "kernels/conv2d.h"

namespace pliant::kernels::cpu {

// Shapes, dtypes and errors as in kernels/conv2d.h.
void conv2d_direct_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y);
void conv2d_direct_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx);
void conv2d_direct_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw);

}  // namespace pliant::kernels::cpu
