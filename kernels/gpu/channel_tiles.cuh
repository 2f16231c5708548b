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

// How many elements of T a thread takes at once: 16 bytes where the channels and every address (or null) allow it, else one.
template <class T>
int vector_of(std::int64_t channels, std::initializer_list<const T*> addresses) {
  constexpr int kPacket = 16 / static_cast<int>(sizeof(T));
  bool aligned = channels % kPacket == 0;
  for (const T* address : addresses) aligned &= reinterpret_cast<std::uintptr_t>(address) % 16 == 0;
  return aligned ? kPacket : 1;
}

// Calls f(std::integral_constant<int, V>{}) for the vector that vector_of<T> gave.
template <class T, class F>
void dispatch_vector(int vector, F&& f) {
  if (vector != 1) return f(std::integral_constant<int, 16 / static_cast<int>(sizeof(T))>{});
  f(std::integral_constant<int, 1>{});
}

// V neighbouring floats.
template <int V>
struct Values {
  float at[V];
};

// f32, bf16 or f16 in memory.
template <int V, class T>
__device__ inline Values<V> load_values(const T* x) {
  const Packet<T, V> packet = load_packet<T, V>(x);
  Values<V> values;
  for (int v = 0; v < V; ++v) values.at[v] = to_float(packet.at[v]);
  return values;
}

template <int V, class T>
__device__ inline void store_values(T* y, const Values<V>& values) {
  Packet<T, V> packet;
  for (int v = 0; v < V; ++v) packet.at[v] = from_float<T>(values.at[v]);
  store_packet(y, packet);
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
