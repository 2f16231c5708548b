// The active part of a parameter as a contiguous tensor, and the adjoint. indices has one entry per dimension of x: no
// tensor for the whole dimension, or [n] i32, the positions to take, distinct and in the order wanted. Serves widths
// (leading channels), concatenations (several runs) and removal (the kept channels) alike. f32 | bf16 | f16, or f64 on the CPU.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// y[i, j, ...] = x[indices[0][i], indices[1][j], ...]
PLIANT_KERNEL(pack, (const Tensor& x, const std::vector<Tensor>& indices, Tensor& y));

// dx[indices[0][i], indices[1][j], ...] += dy[i, j, ...]; everything else keeps its value. dx is f32 beside 16 bits.
PLIANT_KERNEL(unpack_accumulate, (const Tensor& dy, const std::vector<Tensor>& indices, Tensor& dx));

}  // namespace pliant::kernels
