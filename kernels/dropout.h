// Dropout (Srivastava et al., 2014), in the form that scales while training: y = x / (1 - p) with probability 1 - p,
// else 0. Element j of the sample with id s is kept if Philox(key, s, layer, j) >= p, so the same samples meet the same
// mask on every device and in every batch order; the gradient is the same call on dy. In detail: word j % 4 at position
// (layer << 32 | j / 4) of the stream (seed, Purpose::dropout, epoch, s), its upper 24 bits as a fraction of 1.
// x, y [N, ...], y may be x; f32 | bf16 | f16, or f64 on the CPU.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// key [3] i32: low and high word of the seed, epoch.  samples [N] i32: ids.  layer: which dropout of the net.
// Throws ConfigError unless 0 <= p < 1.
PLIANT_KERNEL(dropout, (const Tensor& x, const Tensor& key, const Tensor& samples, int layer, double p, Tensor& y));

}  // namespace pliant::kernels
