// How kernels over [rows, C] share out their work. A block has kTileThreads threads: `width` groups of V neighbouring
// channels, read by neighbouring threads, times `lanes` rows. The grid is tiles of channels times chunks of rows; lane
// l of a chunk takes its rows l, l + lanes, ... The shares depend on the sizes alone, and lanes are joined by halves:
// the same bits every time.
#pragma once

#include <algorithm>
#include <initializer_list>

#include "core/gpu/launch.h"

namespace pliant::kernels::gpu {

inline constexpr int kTileThreads = 256;

struct Tiles {
  std::int64_t rows = 0, channels = 0, rows_per_chunk = 1;
  int width = 1, lanes = kTileThreads, tiles = 1, chunks = 1;

  dim3 grid() const { return dim3(static_cast<unsigned>(tiles), static_cast<unsigned>(chunks)); }
  dim3 block() const { return dim3(static_cast<unsigned>(width), static_cast<unsigned>(lanes)); }
};

// Each thread gets at least rows_per_thread rows where there are enough, and there are at most max_blocks blocks or one
// a tile.
inline Tiles tiles_of(std::int64_t rows, std::int64_t channels, int vector, int rows_per_thread,
                      std::int64_t max_blocks) {
  Tiles t;
  t.rows = rows, t.channels = channels;
  const std::int64_t groups = channels / vector;
  while (t.width < 32 && t.width < groups) t.width *= 2;
  t.lanes = kTileThreads / t.width;
  t.tiles = static_cast<int>((groups + t.width - 1) / t.width);
  const std::int64_t most = std::clamp<std::int64_t>(max_blocks / t.tiles, 1, 65535);
  const std::int64_t wanted = std::clamp<std::int64_t>(rows / (std::int64_t{t.lanes} * rows_per_thread), 1, most);
  t.rows_per_chunk = std::max<std::int64_t>(1, (rows + wanted - 1) / wanted);
  t.chunks = static_cast<int>(std::max<std::int64_t>(1, (rows + t.rows_per_chunk - 1) / t.rows_per_chunk));
  return t;
}

// 4 where the channels and every address (or null) allow 16-byte accesses, else 1.
inline int vector_of(std::int64_t channels, std::initializer_list<const float*> addresses) {
  bool aligned = channels % 4 == 0;
  for (const float* address : addresses) aligned &= reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
  return aligned ? 4 : 1;
}

// Calls f(std::integral_constant<int, V>{}).
template <class F>
void dispatch_vector(int vector, F&& f) {
  if (vector == 4) return f(std::integral_constant<int, 4>{});
  f(std::integral_constant<int, 1>{});
}

// V neighbouring floats.
template <int V>
struct Values {
  float at[V];
};

template <int V>
__device__ inline Values<V> load_values(const float* x) {
  if constexpr (V == 4) {
    const float4 four = load4(x);
    return {{four.x, four.y, four.z, four.w}};
  } else {
    return {{x[0]}};
  }
}

template <int V>
__device__ inline void store_values(float* y, const Values<V>& values) {
  if constexpr (V == 4) {
    store4(y, float4{values.at[0], values.at[1], values.at[2], values.at[3]});
  } else {
    y[0] = values.at[0];
  }
}

// What one thread works on.
struct Share {
  std::int64_t channel, begin,
      end;                // its first channel, at or above C for idle threads; its first row and the end of the chunk
  int lane, lanes, slot;  // slot: its place in arrays of kTileThreads
};

template <int V>
__device__ inline Share share_at(const Tiles& t, std::int64_t tile, std::int64_t chunk) {
  Share s;
  s.channel = (tile * blockDim.x + threadIdx.x) * V;
  s.lane = static_cast<int>(threadIdx.y);
  s.lanes = static_cast<int>(blockDim.y);
  s.slot = s.lane * static_cast<int>(blockDim.x) + static_cast<int>(threadIdx.x);
  const std::int64_t first = chunk * t.rows_per_chunk, last = first + t.rows_per_chunk;
  s.begin = first + s.lane;
  s.end = last < t.rows ? last : t.rows;
  return s;
}
template <int V>
__device__ inline Share share_of(const Tiles& t) {  // in the grid of t
  return share_at<V>(t, blockIdx.x, blockIdx.y);
}

// Calls join(slot, other slot) until slot of lane 0 holds the whole; every thread of the block calls it, after writing
// its slot.
template <class Join>
__device__ inline void join_lanes(const Share& s, Join&& join) {
  for (int half = s.lanes / 2; half > 0; half /= 2) {
    __syncthreads();  // the other lane's slot is written
    if (s.lane < half) join(s.slot, s.slot + half * static_cast<int>(blockDim.x));
  }
}

}  // namespace pliant::kernels::gpu
