// The CUDA words that kernels use, for g++: types, built-in variables, barriers, shuffles, votes, atomics and fast-math
// names over the SIMT emulator. Included by core/gpu/launch.h only. Not an implementation of CUDA: it has the small
// subset that docs/stepping-through-a-kernel.md lists, runs blocks one after another, and is sequentially consistent.
#pragma once

#include <math.h>

#include <bit>
#include <cstdint>
#include <cstring>
#include <source_location>
#include <type_traits>

#include "core/gpu/annotations.h"

#define __global__
#define __device__ PLIANT_HOST_DEVICE
#define __host__
#define __shared__ static __attribute__((aligned(256)))  // apart, so that running past one is seen more often
#define __constant__ const
#define __launch_bounds__(...)
#define __forceinline__ inline __attribute__((always_inline))

struct uint3 {
  unsigned x, y, z;
};
struct dim3 {
  unsigned x, y, z;
  constexpr dim3(unsigned x_ = 1, unsigned y_ = 1, unsigned z_ = 1) : x(x_), y(y_), z(z_) {}
};
struct alignas(8) float2 {
  float x, y;
};
struct alignas(16) float4 {
  float x, y, z, w;
};
struct alignas(16) uint4 {
  unsigned x, y, z, w;
};
inline float2 make_float2(float x, float y) { return {x, y}; }
inline float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
inline uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

// Of the emulated thread that runs now; the emulator sets them at every switch.
extern uint3 threadIdx, blockIdx;
extern dim3 blockDim, gridDim;
inline constexpr int warpSize = 32;

namespace pliant::gpu::simt {

using Where = std::source_location;

enum class Operation : std::uint8_t { sync, shuffle, ballot };

// Waits for the lanes of the mask; returns the operation's result: the value sent by `source`, or the ballot.
std::uint64_t meet_warp(Operation operation, unsigned mask, std::uint64_t value, int source, const Where& where);
// Waits for all threads of the block that have not returned; the number of them whose predicate holds.
int meet_block(bool predicate, const Where& where);
void* dynamic_shared_memory();
void require_aligned(const void* address, std::size_t alignment);

template <class T>
T shuffle(unsigned mask, T value, int source, const Where& where) {
  static_assert(sizeof(T) <= 8 && std::is_trivially_copyable_v<T>);
  std::uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof value);
  bits = meet_warp(Operation::shuffle, mask, bits, source, where);
  std::memcpy(&value, &bits, sizeof value);
  return value;
}

inline int lane() {
  return static_cast<int>((threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z)) % 32u);
}

enum class Atomic : std::uint8_t { add, max, min, exchange, compare_exchange };
int atomic(Atomic operation, int* address, int value, int expected);
unsigned atomic(Atomic operation, unsigned* address, unsigned value, unsigned expected);
unsigned long long atomic(Atomic operation, unsigned long long* address, unsigned long long value,
                          unsigned long long expected);

}  // namespace pliant::gpu::simt

#include "core/gpu/simt_intrinsics.h"
