// Sums and maxima over a warp or a block, in a fixed order: lanes by halves, then warps by halves. Every thread of the
// warp or block calls them; the block has a multiple of 32 threads, at most 1024, in one dimension. Every thread gets
// the result. Nothing here uses atomics, so results do not depend on scheduling.
#pragma once

#include "core/gpu/launch.h"

namespace pliant::kernels::gpu {

inline constexpr unsigned kFullWarp = 0xffffffffu;

__device__ inline float warp_sum(float value) {
  for (int offset = 16; offset > 0; offset /= 2) value += __shfl_xor_sync(kFullWarp, value, offset);
  return value;
}

// NaN wins, as in the CPU reference: fmaxf would hide it.
__device__ inline float nan_max(float a, float b) { return a > b || a != a ? a : b; }

__device__ inline float warp_max(float value) {
  for (int offset = 16; offset > 0; offset /= 2) value = nan_max(value, __shfl_xor_sync(kFullWarp, value, offset));
  return value;
}

__device__ inline float block_sum(float value) {
  __shared__ float partial[32];  // one per warp
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  value = warp_sum(value);
  __syncthreads();  // the previous call's readers are done with partial
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  return warp_sum(lane < static_cast<int>(blockDim.x) / 32 ? partial[lane] : 0.0f);
}

__device__ inline float block_max(float value) {
  __shared__ float partial[32];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32;
  value = warp_max(value);
  __syncthreads();
  if (lane == 0) partial[warp] = value;
  __syncthreads();
  return warp_max(lane < static_cast<int>(blockDim.x) / 32 ? partial[lane] : partial[0]);
}

}  // namespace pliant::kernels::gpu
