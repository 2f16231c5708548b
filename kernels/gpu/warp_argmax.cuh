// The arg-max of a row by one warp, shared by the kernels that name a class.
#pragma once

#include "kernels/gpu/warp.cuh"

namespace pliant::kernels::gpu {

// Whether (a, at i) comes before (b, at j): larger, or NaN, and the first of equals.
__device__ inline bool wins(float a, std::int32_t i, float b, std::int32_t j) {
  const bool a_nan = a != a, b_nan = b != b;
  if (a_nan != b_nan) return a_nan;
  return a_nan || a == b ? i < j : a > b;
}

// The index of the largest of row[0..c), in every lane of the warp.
__device__ inline std::int32_t warp_argmax(const float* row, std::int32_t c) {
  const std::int32_t lane = static_cast<std::int32_t>(threadIdx.x % 32);
  std::int32_t at = lane < c ? lane : 0;
  float best = row[at];
  for (std::int32_t j = lane + 32; j < c; j += 32) {
    const float value = row[j];
    if (wins(value, j, best, at)) best = value, at = j;
  }
  for (int offset = 16; offset > 0; offset /= 2) {
    const float value = __shfl_xor_sync(kFullWarp, best, offset);
    const std::int32_t j = __shfl_xor_sync(kFullWarp, at, offset);
    if (wins(value, j, best, at)) best = value, at = j;
  }
  return at;
}

}  // namespace pliant::kernels::gpu
