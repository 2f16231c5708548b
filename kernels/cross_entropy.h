// Softmax and cross-entropy in one, safe for logits of any size (the row maximum is subtracted).
//   p = softmax(z),  t the target distribution,  losses[n] = -weights[n] sum over c of t[n,c] ln p[n,c]
// Exactly one of labels [N] i32 and soft_targets [N, C] is given. A label y with smoothing e stands for
// t[c] = (1 - e) [c = y] + e / C (Szegedy et al., 2016). weights [N] or no tensor (all 1).
// z, p [N, C], losses [N]; f32, or f64 on the CPU. A label outside 0..C-1 gives a NaN loss (and gradient) for its
// sample. Throws ConfigError for smoothing outside 0..1, or together with soft targets.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

PLIANT_KERNEL(softmax_cross_entropy_forward, (const Tensor& z, const Tensor& labels, const Tensor& soft_targets,
                                              const Tensor& weights, double smoothing, Tensor& losses, Tensor& p));

// dz[n,c] = dlosses[n] weights[n] (p[n,c] sum(t[n]) - t[n,c]).
PLIANT_KERNEL(softmax_cross_entropy_backward,
              (const Tensor& dlosses, const Tensor& p, const Tensor& labels, const Tensor& soft_targets,
               const Tensor& weights, double smoothing, Tensor& dz));

// p = softmax(z) alone, for prediction.
PLIANT_KERNEL(softmax, (const Tensor& z, Tensor& p));

}  // namespace pliant::kernels
