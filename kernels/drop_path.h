// Stochastic depth with a gate per sample (Huang et al., 2016; "drop path" in Larsson et al., 2017): the whole row of a
// sample is kept and scaled, or zero.   y[n, ...] = factor x[n, ...] if u < survival else 0,
// u = RandomStream(seed, Purpose::gate, epoch, sample).uniform(block), so that a sample meets the same gates on every
// device and in every batch order. The gradient is the same call on dy.
// x, y [N, ...], y may be x; f32 | bf16 | f16, or f64 on the CPU.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// key [3] i32 and samples [N] i32 as in kernels/dropout.h; block: which residual block of the net. factor is 1 where
// evaluation scales by the survival, 1 / survival where training does. Throws ConfigError unless 0 < survival <= 1.
PLIANT_KERNEL(drop_rows, (const Tensor& x, const Tensor& key, const Tensor& samples, int block, double survival,
                          double factor, Tensor& y));

}  // namespace pliant::kernels
