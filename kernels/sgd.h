// One step of stochastic gradient descent over a whole arena in one launch (Sutskever et al., 2013, in PyTorch's form):
//   g = mask (gradient + decay w + l1 sign(w));  v = momentum v + g;  w = mask (w - rate v)           plain
//                                                                     w = mask (w - rate (g + momentum v))  Nesterov
// Segments with a proximal weight p >= 0 hold factors that a penalty p |w| drives to exactly 0 and that stay above (accelerated
// proximal gradient, Huang and Wang, 2018), and take neither decay nor l1:
//   z = S(w - rate mask gradient, rate p);  v = z - w + momentum v;  w = mask max(0, z + momentum v)
//   with S(x, a) = sign(x) max(0, |x| - a); here v is a step, not a sum of gradients.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// w, gradient, v [P], P a multiple of 64; f32, or f64 on the CPU. mask [P] of the same dtype, or no tensor.
// rules [P / 64, 4], same dtype: for each 64 elements a factor of the rate (0: frozen, w and v stay as they are),
// decay, l1, proximal weight (below 0: the ordinary update).
// scalars [3] f64 in device memory, so that a captured step can change them: rate, momentum, and a factor of the gradient (1 / loss scale).
// copy [P] bf16 or f16, or no tensor: w again in the type that a net computes in, written in the same pass; what is frozen keeps its copy.
PLIANT_KERNEL(sgd_step, (Tensor & w, const Tensor& gradient, Tensor& v, const Tensor& rules, const Tensor& mask,
                         const Tensor& scalars, bool nesterov, Tensor& copy));

}  // namespace pliant::kernels
