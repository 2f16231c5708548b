// Ranks inside a block, the same in any thread order: votes give the rank inside a warp, a sum over the warps' counts the rank inside the block.
#pragma once

#include "kernels/gpu/warp.cuh"

namespace pliant::kernels::gpu {

struct BlockRank {
  std::int32_t before, all;  // chosen threads before this one, and in the block
};

// Called by every thread of a block of whole warps, at most 32. counts: shared memory for 32 numbers, free for reuse on return.
__device__ inline BlockRank block_rank(bool chosen, std::int32_t* counts) {
  const auto warp = static_cast<std::int32_t>(threadIdx.x / 32), lane = static_cast<std::int32_t>(threadIdx.x % 32);
  const unsigned votes = __ballot_sync(kFullWarp, chosen);
  if (lane == 0) counts[warp] = __popc(votes);
  __syncthreads();
  BlockRank rank{__popc(votes & ((1u << lane) - 1u)), 0};
  for (std::int32_t w = 0; w < static_cast<std::int32_t>(blockDim.x / 32); ++w) {
    if (w < warp) rank.before += counts[w];
    rank.all += counts[w];
  }
  __syncthreads();  // everybody has read the counts
  return rank;
}

}  // namespace pliant::kernels::gpu
