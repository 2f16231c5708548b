// Batch normalisation of a tensor whose sums its producer has taken, on the GPU: one reading of x less than batch_norm_train.
#pragma once

#include "kernels/elementwise.h"

namespace pliant::kernels::gpu {

// batch_norm_train (kernels/batch_norm.h) with the moments that the sums give: mean = sum / m, variance = sum_of_squares / m - mean^2, never below 0.
// sum and sum_of_squares [C] f32, over all rows of x. The difference cancels: beside a mean of r deviations the variance has a relative error
// of r^2 times that of the sums. Throws ShapeError as batch_norm_train does, and for sums that do not fit.
void batch_norm_train_of_sums(const Tensor& x, const Tensor& sum, const Tensor& sum_of_squares, const Tensor& scale, const Tensor& shift,
                              const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                              Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& y);

}  // namespace pliant::kernels::gpu
