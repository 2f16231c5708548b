// Batch normalisation on the GPU of a tensor whose sums its producer has taken, one reading of x less than batch_norm_train; or which its
// consumer normalises while it reads.
#pragma once

#include "kernels/elementwise.h"

namespace pliant::kernels::gpu {

// batch_norm_train (kernels/batch_norm.h) with the moments that the sums give: mean = sum / m, variance = sum_of_squares / m - mean^2, never below 0.
// sum and sum_of_squares [C] f32, over all rows of x. The difference cancels: beside a mean of r deviations the variance has a relative error
// of r^2 times that of the sums. Throws ShapeError as batch_norm_train does, and for sums that do not fit.
void batch_norm_train_of_sums(const Tensor& x, const Tensor& sum, const Tensor& sum_of_squares, const Tensor& scale, const Tensor& shift,
                              const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                              Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& y);

// batch_moments of x, likewise.
void batch_moments_of_sums(const Tensor& x, const Tensor& sum, const Tensor& sum_of_squares, Tensor& mean, Tensor& variance);

// factor x + offset = scale (x - mean) / sqrt(variance + epsilon) + shift.  factor, offset [C] f32, bf16 or f16; the others [C] f32. Rounding
// to 16 bits loses about as much as x has lost by being stored in them. Throws ShapeError.
void affine_of_moments(const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon, Tensor& factor,
                       Tensor& offset);

}  // namespace pliant::kernels::gpu
