// One step of stochastic gradient descent over a whole arena in one launch (Sutskever et al., 2013, in PyTorch's form):
//   g = mask (gradient + decay w + l1 sign(w));  v = momentum v + g;  w = mask (w - rate v)           plain
//                                                                     w = mask (w - rate (g + momentum v))  Nesterov
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// w, gradient, v [P], P a multiple of 64; f32, or f64 on the CPU. mask [P] of the same dtype, or no tensor.
// rules [P / 64, 3], same dtype: for each 64 elements a factor of the rate (0: frozen, w and v stay as they are),
// decay, l1.
// scalars [2] f64 in device memory, so that a captured step can change them: rate, momentum.
PLIANT_KERNEL(sgd_step, (Tensor & w, const Tensor& gradient, Tensor& v, const Tensor& rules, const Tensor& mask,
                         const Tensor& scalars, bool nesterov));

}  // namespace pliant::kernels
