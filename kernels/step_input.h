// The part of one training step in tables that hold a whole epoch, so that the host sends nothing while the epoch runs:
//   t = position[0];  scalars = table[t, :];  samples[i] = order[t stride + i];  position[0] = t + 1
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// table [T, K] f64: the optimizer's scalars of every step (kernels/sgd.h, adam.h); order [M] i32: the samples as they come;
// stride >= 1: samples a step; position [1] i32: the step that is next; scalars [K] f64; samples [N] i32, N <= stride.
// A step outside the tables: DataError on the CPU; on a GPU scalars that are NaN and samples 0, which show in the loss.
PLIANT_KERNEL(take_step, (const Tensor& table, const Tensor& order, std::int64_t stride, Tensor& position, Tensor& scalars,
                          Tensor& samples));

}  // namespace pliant::kernels
