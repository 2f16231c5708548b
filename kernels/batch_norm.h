// Batch normalisation (Ioffe and Szegedy, 2015) over the last dimension, fused with a residual and an activation:
//   y = f(scale (x - mean) / sqrt(variance + epsilon) + shift + residual)
//   x, y, residual [..., C]; scale, shift and all statistics [C]; f identity or relu; residual may be no tensor.
// The statistics cover every dimension but the last. x, y, residual and their gradients are f32 | bf16 | f16 with [C] in f32, or all
// are f64 on the CPU. Results do not depend on the number of threads.
// Errors: ShapeError for tensors that do not fit, ConfigError for another f, epsilon <= 0 or a momentum outside [0, 1].
#pragma once

#include "kernels/elementwise.h"

namespace pliant::kernels {

// Uses the statistics of the batch (variance with 1/m) and keeps them in mean and inverse_deviation [C] for the backward pass.
// Running update: running = (1 - momentum) running + momentum batch, the variance with 1/(m - 1), as PyTorch does.
// A batch with one value per channel is refused: its variance says nothing. y may not be x; it may be the residual.
PLIANT_KERNEL(batch_norm_train, (const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                                 double momentum, double epsilon, Tensor& running_mean, Tensor& running_variance, Tensor& mean,
                                 Tensor& inverse_deviation, Tensor& y));

// Uses the running statistics.
PLIANT_KERNEL(batch_norm_infer, (const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                                 double epsilon, const Tensor& running_mean, const Tensor& running_variance, Tensor& y));

// mean and variance [C], with 1/m, of a batch of at least one value per channel: what batch_norm_train normalises with.
PLIANT_KERNEL(batch_moments, (const Tensor& x, Tensor& mean, Tensor& variance));

// Gradient of batch_norm_train. With g = dy f'(y) and xhat = (x - mean) inverse_deviation:
//   dshift += sum g;  dscale += sum g xhat;  dresidual = g;
//   dx = scale inverse_deviation (g - (sum g + xhat sum g xhat) / m)
// y is read for relu alone and may be no tensor for identity. An output that is no tensor is left out. dx and dresidual are
// apart from each other and from dy, x and y.
PLIANT_KERNEL(batch_norm_backward, (const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& scale, const Tensor& mean,
                                    const Tensor& inverse_deviation, Activation f, Tensor& dx, Tensor& dscale, Tensor& dshift,
                                    Tensor& dresidual));

// Gradient of batch_norm_infer: the statistics are constants.  dx = scale g / sqrt(running_variance + epsilon). The same rules.
PLIANT_KERNEL(batch_norm_infer_backward, (const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& scale,
                                          const Tensor& running_mean, const Tensor& running_variance, double epsilon, Activation f,
                                          Tensor& dx, Tensor& dscale, Tensor& dshift, Tensor& dresidual));

}  // namespace pliant::kernels
