// CUDA's intrinsic functions under their CUDA names, over core/gpu/simt.h, which includes this file. Each barrier knows
// its source line, so that threads which meet at different ones are reported.
#pragma once

#include "core/gpu/simt.h"

inline void __syncthreads(const std::source_location& where = std::source_location::current()) {
  pliant::gpu::simt::meet_block(false, where);
}
inline int __syncthreads_count(int predicate, const std::source_location& where = std::source_location::current()) {
  return pliant::gpu::simt::meet_block(predicate != 0, where);
}
inline int __syncthreads_or(int predicate, const std::source_location& where = std::source_location::current()) {
  return pliant::gpu::simt::meet_block(predicate != 0, where) != 0;
}
inline int __syncthreads_and(int predicate, const std::source_location& where = std::source_location::current()) {
  return pliant::gpu::simt::meet_block(predicate == 0, where) == 0;
}

inline void __syncwarp(unsigned mask = 0xffffffffu,
                       const std::source_location& where = std::source_location::current()) {
  pliant::gpu::simt::meet_warp(pliant::gpu::simt::Operation::sync, mask, 0, 0, where);
}
inline unsigned __ballot_sync(unsigned mask, int predicate,
                              const std::source_location& where = std::source_location::current()) {
  return static_cast<unsigned>(
      pliant::gpu::simt::meet_warp(pliant::gpu::simt::Operation::ballot, mask, predicate != 0, 0, where));
}
inline int __any_sync(unsigned mask, int predicate,
                      const std::source_location& where = std::source_location::current()) {
  return __ballot_sync(mask, predicate, where) != 0;
}
inline int __all_sync(unsigned mask, int predicate,
                      const std::source_location& where = std::source_location::current()) {
  return __ballot_sync(mask, !predicate, where) == 0;
}

// A source outside the segment of `width` lanes gives the caller's own value, as on the device.
template <class T>
T __shfl_sync(unsigned mask, T value, int source, int width = 32,
              const std::source_location& where = std::source_location::current()) {
  const int first = pliant::gpu::simt::lane() & ~(width - 1);
  return pliant::gpu::simt::shuffle(mask, value, first + (source & (width - 1)), where);
}
template <class T>
T __shfl_up_sync(unsigned mask, T value, unsigned delta, int width = 32,
                 const std::source_location& where = std::source_location::current()) {
  const int own = pliant::gpu::simt::lane(), first = own & ~(width - 1), source = own - static_cast<int>(delta);
  return pliant::gpu::simt::shuffle(mask, value, source < first ? own : source, where);
}
template <class T>
T __shfl_down_sync(unsigned mask, T value, unsigned delta, int width = 32,
                   const std::source_location& where = std::source_location::current()) {
  const int own = pliant::gpu::simt::lane(), last = own | (width - 1), source = own + static_cast<int>(delta);
  return pliant::gpu::simt::shuffle(mask, value, source > last ? own : source, where);
}
template <class T>
T __shfl_xor_sync(unsigned mask, T value, int lane_mask, int width = 32,
                  const std::source_location& where = std::source_location::current()) {
  const int own = pliant::gpu::simt::lane(), last = own | (width - 1), source = own ^ lane_mask;
  return pliant::gpu::simt::shuffle(mask, value, source > last ? own : source, where);
}

template <class T>
T atomicAdd(T* address, T value) {
  return pliant::gpu::simt::atomic(pliant::gpu::simt::Atomic::add, address, value, T{});
}
template <class T>
T atomicMax(T* address, T value) {
  return pliant::gpu::simt::atomic(pliant::gpu::simt::Atomic::max, address, value, T{});
}
template <class T>
T atomicMin(T* address, T value) {
  return pliant::gpu::simt::atomic(pliant::gpu::simt::Atomic::min, address, value, T{});
}
template <class T>
T atomicExch(T* address, T value) {
  return pliant::gpu::simt::atomic(pliant::gpu::simt::Atomic::exchange, address, value, T{});
}
template <class T>
T atomicCAS(T* address, T expected, T value) {
  return pliant::gpu::simt::atomic(pliant::gpu::simt::Atomic::compare_exchange, address, value, expected);
}

template <class T>
T __ldg(const T* address) {
  return *address;
}

inline int min(int a, int b) { return b < a ? b : a; }
inline unsigned min(unsigned a, unsigned b) { return b < a ? b : a; }
inline long min(long a, long b) { return b < a ? b : a; }
inline long long min(long long a, long long b) { return b < a ? b : a; }
inline float min(float a, float b) { return fminf(a, b); }
inline double min(double a, double b) { return fmin(a, b); }
inline int max(int a, int b) { return a < b ? b : a; }
inline unsigned max(unsigned a, unsigned b) { return a < b ? b : a; }
inline long max(long a, long b) { return a < b ? b : a; }
inline long long max(long long a, long long b) { return a < b ? b : a; }
inline float max(float a, float b) { return fmaxf(a, b); }
inline double max(double a, double b) { return fmax(a, b); }

inline float rsqrtf(float x) { return 1.0f / sqrtf(x); }
inline float __expf(float x) { return expf(x); }
inline float __logf(float x) { return logf(x); }
inline float __powf(float x, float y) { return powf(x, y); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0f / x; }
inline float __fsqrt_rn(float x) { return sqrtf(x); }
inline float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }
inline int __float_as_int(float x) { return std::bit_cast<int>(x); }
inline unsigned __float_as_uint(float x) { return std::bit_cast<unsigned>(x); }
inline float __int_as_float(int x) { return std::bit_cast<float>(x); }
inline float __uint_as_float(unsigned x) { return std::bit_cast<float>(x); }
inline unsigned __umulhi(unsigned a, unsigned b) { return static_cast<unsigned>((std::uint64_t{a} * b) >> 32); }
inline int __popc(unsigned x) { return std::popcount(x); }
inline int __clz(int x) { return std::countl_zero(static_cast<unsigned>(x)); }
inline int __ffs(int x) { return x == 0 ? 0 : std::countr_zero(static_cast<unsigned>(x)) + 1; }
