// Adds a bias to a result that a library has computed without it.
#pragma once

#include "core/tensor.h"

namespace pliant::kernels::gpu {

// y[..., k] = y[..., k] + bias[k].     y [..., K] f32 | bf16 | f16, bias [K] f32.
void add_channel_bias(const Tensor& bias, Tensor& y);

}  // namespace pliant::kernels::gpu
