// Convolutions with batch normalisation beside them, in training: what a library may compute in one pass because the statistics of a
// result can be taken while it is written. Everything else computes the parts one after another, with their formulas, shapes, dtypes and
// errors (kernels/conv2d.h, kernels/batch_norm.h); so the two ways differ by rounding alone.
//   x [N, H, W, C]   w [K, R, S, C / groups]   z, y, residual [N, P, Q, K]   whatever is per channel [K], f32 beside 16 bits
#pragma once

#include "kernels/conv2d.h"

namespace pliant::kernels {

// z = conv2d(x, w);  y = f(batch_norm_train(z) + residual), which also leaves mean, inverse_deviation and the running statistics.
// Depthwise where groups = C = K. z and y lie apart from each other and from every input.
// A CUDA context whose plans are timed may take sums of z and of its squares from the convolution, in f32, and in 16 bits alone: beside a mean
// of r deviations the variance then has a relative error of some r^2 2^-21, which y's own rounding hides up to r = 32 in f16 and 128 in bf16.
// f32 hides nothing, and there z is always read again.
PLIANT_KERNEL(conv2d_batch_norm_train,
              (const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, const Tensor& scale, const Tensor& shift,
               const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean, Tensor& running_variance,
               Tensor& mean, Tensor& inverse_deviation, Tensor& z, Tensor& y));

// The same statistics for a chain of convolutions in which batch norm and ReLU are never written:
//   a = relu(scale (x - mean) / sqrt(variance + epsilon) + shift), or x itself where mean, variance, scale and shift are no tensors;
//   z = conv2d(a, w), and its moments as of batch_moments (kernels/batch_norm.h), which the next one of the chain takes as mean and variance.
// mean, variance, scale, shift [C]; z_mean, z_variance [K]. Where the library normalises, which is decided as above, factor and offset of x are
// rounded to 16 bits (f16 holds none beyond 65504). A backward pass needs a again, and has to compute it or keep it.
PLIANT_KERNEL(conv2d_normed, (const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon,
                              const Tensor& w, const Conv2dGeometry& geometry, Tensor& z, Tensor& z_mean, Tensor& z_variance));

}  // namespace pliant::kernels
