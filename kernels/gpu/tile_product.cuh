// One tile of a matrix product whose operands are functions of their indices: the core of the hand-written matrix product and, with
// functions that gather, of the convolutions (implicit GEMM: the matrix of shifted images never exists in memory).
// A block of 8 x 8 threads sums a tile of 32 x 32 results, 4 x 4 per thread, from slices of 16 terms staged in shared memory.
// Each result is one sum in a fixed order: deterministic.
#pragma once

#include "core/gpu/launch.h"

namespace pliant::kernels::gpu {

inline constexpr int kTile = 32, kTileDepth = 16, kTileThreads = 64, kThreadTile = 4;

// How the elements of an operand lie in memory, so that neighbouring threads load neighbours.
enum class Along { terms, others };

struct TileRange {
  std::int64_t rows, columns;        // of the whole result
  std::int64_t first_term, end_term;
};

// slice[term][i] = element(first + i, first_term + term), 0 outside.
template <Along along, class Element>
__device__ void load_slice(float (&slice)[kTileDepth][kTile + 4], const Element& element, std::int64_t first, std::int64_t size,
                           std::int64_t first_term, std::int64_t end_term) {
  for (int e = static_cast<int>(threadIdx.x); e < kTile * kTileDepth; e += kTileThreads) {
    const int term = along == Along::terms ? e % kTileDepth : e / kTile, i = along == Along::terms ? e / kTileDepth : e % kTile;
    const bool inside = first + i < size && first_term + term < end_term;
    slice[term][i] = inside ? element(first + i, first_term + term) : 0.0f;
  }
}

// Calls result(row, column, sum over the terms of a(row, term) b(column, term)) for each result of this block's tile;
// blockIdx.x counts tiles of rows, blockIdx.y tiles of columns.
template <Along along_a, Along along_b, class A, class B, class Result>
__device__ void tile_product(const TileRange& range, const A& a, const B& b, const Result& result) {
  alignas(16) __shared__ float slice_a[kTileDepth][kTile + 4], slice_b[kTileDepth][kTile + 4];  // + 4: fewer bank conflicts
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kTile;
  const std::int64_t first_column = static_cast<std::int64_t>(blockIdx.y) * kTile;
  const int row = static_cast<int>(threadIdx.x) / 8 * kThreadTile, column = static_cast<int>(threadIdx.x) % 8 * kThreadTile;
  const bool active = first_row + row < range.rows && first_column + column < range.columns;
  float sum[kThreadTile][kThreadTile] = {};
  for (std::int64_t first = range.first_term; first < range.end_term; first += kTileDepth) {
    load_slice<along_a>(slice_a, a, first_row, range.rows, first, range.end_term);
    load_slice<along_b>(slice_b, b, first_column, range.columns, first, range.end_term);
    __syncthreads();
    for (int term = 0; term < kTileDepth && active; ++term) {
      const float4 left = load4(&slice_a[term][row]), right = load4(&slice_b[term][column]);
      const float lefts[] = {left.x, left.y, left.z, left.w}, rights[] = {right.x, right.y, right.z, right.w};
      for (int i = 0; i < kThreadTile; ++i) {
        for (int j = 0; j < kThreadTile; ++j) sum[i][j] += lefts[i] * rights[j];
      }
    }
    __syncthreads();
  }
  for (int i = 0; i < kThreadTile; ++i) {
    for (int j = 0; j < kThreadTile; ++j) {
      if (first_row + row + i < range.rows && first_column + column + j < range.columns) {
        result(first_row + row + i, first_column + column + j, sum[i][j]);
      }
    }
  }
}

inline unsigned tiles(std::int64_t size) { return static_cast<unsigned>((size + kTile - 1) / kTile); }

}  // namespace pliant::kernels::gpu
