// The operations of kernels/conv2d_normed.h as one operation after another, on any backend: their specification, and what computes
// wherever no library does more. Also what they require beyond what their parts check.
#pragma once

#include "kernels/conv2d_normed.h"

namespace pliant::kernels {

void plain_conv2d_batch_norm_train(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, const Tensor& scale, const Tensor& shift,
                                   const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                                   Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& z, Tensor& y);

void plain_conv2d_normed(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon,
                         const Tensor& w, const Conv2dGeometry& geometry, Tensor& z, Tensor& z_mean, Tensor& z_variance);
// a, a new tensor where x is normalised.
Tensor normalised_input(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon);

// Throws ShapeError where z or y is one of the other tensors.
void check_conv2d_batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& z, const Tensor& y);

// Throws ShapeError where z is x, or a term that normalises x is missing beside others or does not fit, ConfigError for epsilon <= 0.
void check_conv2d_normed(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon,
                         const Tensor& z);

}  // namespace pliant::kernels
