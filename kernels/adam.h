// One step of Adam over a whole arena in one launch (Kingma and Ba, 2015, in PyTorch's form), t = 1 the first step:
//   g = mask (gradient + decay w + l1 sign(w));  m = beta1 m + (1 - beta1) g;  v = beta2 v + (1 - beta2) g^2
//   w = mask (w - rate (m / (1 - beta1^t)) / (sqrt(v / (1 - beta2^t)) + epsilon))
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// w, gradient, m, v [P], P a multiple of 64; f32, or f64 on the CPU. mask [P] of the same dtype, or no tensor.
// rules [P / 64, 4], same dtype: for each 64 elements a factor of the rate (0: frozen, w, m and v stay as they are),
// decay, l1, and a number that Adam does not read (kernels/sgd.h).
// scalars [7] f64 in device memory, so that a captured step can change them: rate, beta1, beta2, epsilon,
// 1 - beta1^t, 1 - beta2^t, and a factor of the gradient (1 / loss scale).
// copy [P] bf16 or f16, or no tensor: w again in the type that a net computes in, written in the same pass; what is frozen keeps its copy.
PLIANT_KERNEL(adam_step, (Tensor & w, const Tensor& gradient, Tensor& m, Tensor& v, const Tensor& rules,
                          const Tensor& mask, const Tensor& scalars, Tensor& copy));

}  // namespace pliant::kernels
