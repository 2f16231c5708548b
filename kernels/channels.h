// Operations along the last dimension of activations [..., C].  f32 | bf16 | f16, or f64 on the CPU; indices i32.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// y[..., j] = x[..., index[j]], or 0 where index[j] = -1.  index [K] i32; the entries that are not -1 are distinct.
// Selection of channels, and the zero-padded shortcut of residual nets, in one.
PLIANT_KERNEL(gather_channels, (const Tensor& x, const Tensor& index, Tensor& y));

// Its gradient: dx[..., index[j]] = dy[..., j], 0 for channels that no j reads.
PLIANT_KERNEL(scatter_channels, (const Tensor& dy, const Tensor& index, Tensor& dx));

// y[..., c] = x[..., c] mask[c].  mask [C] f32 (f64 beside f64). y may be x.
PLIANT_KERNEL(mask_channels, (const Tensor& x, const Tensor& mask, Tensor& y));

// The parts one after another along the last dimension; split is the inverse and the gradient.
PLIANT_KERNEL(concat_channels, (const std::vector<Tensor>& parts, Tensor& y));
PLIANT_KERNEL(split_channels, (const Tensor& y, std::vector<Tensor>& parts));

// sums[c] = sums[c] + sum over all rows of x[..., c]: the gradient of a bias, which accumulates. sums [C] f32 (f64 beside f64).
PLIANT_KERNEL(channel_sum, (const Tensor& x, Tensor& sums));

}  // namespace pliant::kernels
