// The operations of kernels/conv2d_normed.h as one operation after another, on any backend: their specification, and what computes
// wherever no library does more. Also what they require beyond what their parts check.
#pragma once

#include "kernels/conv2d_normed.h"

namespace pliant::kernels {

void plain_conv2d_batch_norm_train(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, const Tensor& scale, const Tensor& shift,
                                   const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                                   Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& z, Tensor& y);

// Throws ShapeError where z or y is one of the other tensors.
void check_conv2d_batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& z, const Tensor& y);

}  // namespace pliant::kernels
