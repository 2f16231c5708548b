// One tile of a matrix product by a block, with 4 x 4 or 8 x 8 results per thread: steps 3 to 5 of matrix_product.cu and, with
// operands that gather, the implicit convolutions. An operand is an object that one thread makes for one row of the slice, and whose
// next() gives the row's next four terms of this thread (0 behind the end).
#pragma once

#include "core/gpu/launch.h"

namespace pliant::ladder {

inline constexpr int kProductThreads = 256;

// A tile of kTile x kTile results takes its terms in slices of kDepth; a slice of either operand has kTile x kDepth = 1024 elements,
// so each thread loads one quad of it: terms first_term() to first_term() + 3 of row loaded_row().
template <int kTile>
struct ProductTile {
  static constexpr int kDepth = 1024 / kTile, kQuads = kDepth / 4;
  static constexpr int kEach = kTile / 16, kGroups = kEach / 4;  // results of a thread along one side: groups of four, 64 apart

  __device__ static int loaded_row() { return static_cast<int>(threadIdx.x) / kQuads; }
  __device__ static int first_term() { return static_cast<int>(threadIdx.x) % kQuads * 4; }
};

template <int kTile>
using Slice = float[ProductTile<kTile>::kDepth][kTile + 4];  // [term][row]; + 4: fewer bank conflicts when quads are stored

template <int kTile>
__device__ inline void store_quad(Slice<kTile>& slice, float4 quad) {
  const int row = ProductTile<kTile>::loaded_row(), term = ProductTile<kTile>::first_term();
  slice[term][row] = quad.x, slice[term + 1][row] = quad.y, slice[term + 2][row] = quad.z, slice[term + 3][row] = quad.w;
}

// sum[i][j] += the products of one slice. A warp reads 16 quads of `right` that are neighbours, and two of `left` that 16 lanes
// share: no bank conflict. kEach^2 multiply-adds for kEach / 2 loads of 16 bytes.
template <int kTile>
__device__ inline void add_products(const Slice<kTile>& left, const Slice<kTile>& right,
                                    float (&sum)[ProductTile<kTile>::kEach][ProductTile<kTile>::kEach]) {
  using Tile = ProductTile<kTile>;
  const int row = static_cast<int>(threadIdx.x) / 16 * 4, column = static_cast<int>(threadIdx.x) % 16 * 4;
#pragma unroll
  for (int term = 0; term < Tile::kDepth; ++term) {
    float lefts[Tile::kEach], rights[Tile::kEach];
#pragma unroll
    for (int g = 0; g < Tile::kGroups; ++g) {
      const float4 l = load4(&left[term][64 * g + row]), r = load4(&right[term][64 * g + column]);
      lefts[4 * g] = l.x, lefts[4 * g + 1] = l.y, lefts[4 * g + 2] = l.z, lefts[4 * g + 3] = l.w;
      rights[4 * g] = r.x, rights[4 * g + 1] = r.y, rights[4 * g + 2] = r.z, rights[4 * g + 3] = r.w;
    }
#pragma unroll
    for (int i = 0; i < Tile::kEach; ++i) {
#pragma unroll
      for (int j = 0; j < Tile::kEach; ++j) sum[i][j] += lefts[i] * rights[j];
    }
  }
}

// Calls result(row, column, sum over `terms` terms) for the results of this tile that lie in [rows, columns). With kBuffered the next
// slice is fetched while this one is multiplied, into registers and then into a second pair of slices: one barrier per slice.
template <int kTile, bool kBuffered, class A, class B, class Result>
__device__ inline void tile_product(A a, B b, std::int64_t terms, std::int64_t rows, std::int64_t columns, const Result& result) {
  using Tile = ProductTile<kTile>;
  alignas(16) __shared__ Slice<kTile> slices[kBuffered ? 2 : 1][2];
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kTile + threadIdx.x / 16 * 4;
  const std::int64_t column = static_cast<std::int64_t>(blockIdx.y) * kTile + threadIdx.x % 16 * 4;
  const bool active = row < rows && column < columns;
  float sum[Tile::kEach][Tile::kEach] = {};
  if constexpr (kBuffered) {
    store_quad<kTile>(slices[0][0], a.next());
    store_quad<kTile>(slices[0][1], b.next());
    __syncthreads();
    int now = 0;
    for (std::int64_t first = 0; first < terms; first += Tile::kDepth, now = 1 - now) {
      const bool more = first + Tile::kDepth < terms;
      float4 next_a{}, next_b{};
      if (more) next_a = a.next(), next_b = b.next();
      if (active) add_products<kTile>(slices[now][0], slices[now][1], sum);
      if (more) {
        store_quad<kTile>(slices[1 - now][0], next_a);
        store_quad<kTile>(slices[1 - now][1], next_b);
      }
      __syncthreads();
    }
  } else {
    for (std::int64_t first = 0; first < terms; first += Tile::kDepth) {
      store_quad<kTile>(slices[0][0], a.next());
      store_quad<kTile>(slices[0][1], b.next());
      __syncthreads();
      if (active) add_products<kTile>(slices[0][0], slices[0][1], sum);
      __syncthreads();
    }
  }
#pragma unroll
  for (int i = 0; i < Tile::kEach; ++i) {
#pragma unroll
    for (int j = 0; j < Tile::kEach; ++j) {
      const std::int64_t to_row = row + i / 4 * 64 + i % 4, to_column = column + j / 4 * 64 + j % 4;
      if (to_row < rows && to_column < columns) result(to_row, to_column, sum[i][j]);
    }
  }
}

// A row of a plain matrix [size, terms] in memory. kVector: terms is a multiple of 4 and the matrix lies at a 16-byte boundary.
template <int kTile, bool kVector>
struct MatrixRow {
  const float* row;  // null outside of the matrix
  std::int64_t term, terms;

  __device__ MatrixRow(const float* matrix, std::int64_t first_row, std::int64_t size, std::int64_t terms_)
      : term(ProductTile<kTile>::first_term()), terms(terms_) {
    const std::int64_t at = first_row + ProductTile<kTile>::loaded_row();
    row = at < size ? matrix + at * terms : nullptr;
  }

  __device__ float4 next() {
    const std::int64_t at = term;
    term += ProductTile<kTile>::kDepth;
    if (!row || at >= terms) return float4{0.0f, 0.0f, 0.0f, 0.0f};
    if constexpr (kVector) return load4(row + at);
    return float4{row[at], at + 1 < terms ? row[at + 1] : 0.0f, at + 2 < terms ? row[at + 2] : 0.0f, at + 3 < terms ? row[at + 3] : 0.0f};
  }
};

inline unsigned product_tiles(std::int64_t size, int tile) { return static_cast<unsigned>((size + tile - 1) / tile); }

}  // namespace pliant::ladder
