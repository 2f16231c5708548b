// The squared hinge loss, one class against all (an L2-SVM on every class: Lee et al., "Deeply-supervised nets", 2015).
//   losses[n] = sum over c of max(0, 1 - t z[n,c])^2,  t = +1 for the label, else -1
// z, dz [N, C], losses, dlosses [N]; f32, or f64 on the CPU. labels [N] i32; a label outside 0..C-1 gives a NaN loss
// (and gradient) for its sample.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

PLIANT_KERNEL(squared_hinge_forward, (const Tensor& z, const Tensor& labels, Tensor& losses));

// dz[n,c] = -2 dlosses[n] t max(0, 1 - t z[n,c]).   dz may be z.
PLIANT_KERNEL(squared_hinge_backward, (const Tensor& dlosses, const Tensor& z, const Tensor& labels, Tensor& dz));

}  // namespace pliant::kernels
