// The second stage of deterministic reductions over blocks: partial sums are stored, and added here in their order.
#pragma once

#include "core/tensor.h"

namespace pliant::kernels::gpu {

// sums[i] = sums[i] + partials[0, i] + partials[1, i] + ...     partials [parts, sums.size()], both f32.
void add_partial_sums(const Tensor& partials, Tensor& sums);

}  // namespace pliant::kernels::gpu
