// Local response normalisation across channels (Krizhevsky et al., 2012, section 3.3), in the paper's form:
//   b[c] = (k + alpha sum over |c' - c| <= size / 2 of x[c']^2),   y[c] = x[c] b[c]^-beta
// PyTorch divides alpha by size; pass alpha / size for its results. size is odd. x, y [..., C]
// f32 | bf16 | f16, or f64 on the CPU; b of the same shape in f32 (f64 beside f64).
#pragma once

#include "core/kernel.h"

namespace pliant {

struct LocalResponseNorm {
  int size = 5;
  double alpha = 1e-4, beta = 0.75, k = 2.0;
};

}  // namespace pliant

namespace pliant::kernels {

// Errors: ShapeError for tensors that do not fit, ConfigError for an even size, k <= 0 or alpha < 0. Outputs are apart from inputs.
PLIANT_KERNEL(local_response_norm_forward, (const Tensor& x, const LocalResponseNorm& options, Tensor& y, Tensor& b));
// dx[c] = dy[c] b[c]^-beta - 2 alpha beta x[c] sum over |c' - c| <= size / 2 of dy[c'] y[c'] / b[c'].
PLIANT_KERNEL(local_response_norm_backward,
              (const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& b, const LocalResponseNorm& options, Tensor& dx));

}  // namespace pliant::kernels
