// The cross-shaped convolution in f32 as matrix products of oneDNN. Only in builds with oneDNN (PLIANT_WITH_ONEDNN).
#pragma once

#include "kernels/conv2d_cross_checks.h"

namespace pliant::kernels::cpu {

// Arguments as in kernels/conv2d_cross.h and already checked; DeviceError where oneDNN fails.
void conv2d_cross_onednn_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const CrossSizes& z, Tensor& y);
void conv2d_cross_onednn_backward_data(const Tensor& dy, const Tensor& w, const CrossSizes& z, Tensor& dx);
void conv2d_cross_onednn_backward_filter(const Tensor& dy, const Tensor& x, const CrossSizes& z, Tensor& dw);

}  // namespace pliant::kernels::cpu
