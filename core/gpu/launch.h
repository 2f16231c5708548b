// How a kernel file starts kernels, and the only header from which it takes CUDA's words: the CUDA runtime under nvcc,
// the SIMT emulator under g++. launch() replaces <<<>>>: it converts the arguments to the kernel's parameter types,
// throws DeviceError with the kernel's name, and synchronises after each launch if PLIANT_SYNCHRONIZE is set to 1.
#pragma once

#include <cstddef>
#include <cstdint>
#include <type_traits>

#include "core/check.h"
#include "core/gpu/annotations.h"
#include "core/gpu/runtime.h"

#if defined(__CUDACC__)
#include <cuda_runtime.h>
#else
#include "core/gpu/simt.h"
#include "core/gpu/simt_device.h"
#endif

namespace pliant {

#if defined(__CUDACC__)

namespace gpu {
void prepare_launch(const void* kernel, std::size_t shared_bytes);  // allows more than 48 KiB of dynamic shared memory
void check_launch(const void* kernel, Stream stream);               // throws DeviceError that names the kernel
}  // namespace gpu

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, gpu::Stream stream, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "launch: the kernel has another number of parameters");
  const auto* function = reinterpret_cast<const void*>(kernel);
  if (shared_bytes > 48 * 1024) gpu::prepare_launch(function, shared_bytes);
  kernel<<<grid, block, shared_bytes, stream>>>(static_cast<P>(args)...);
  gpu::check_launch(function, stream);
}

// The dynamic shared memory of the block, shared_bytes of launch(); aligned to 16 bytes.
template <class T>
__device__ T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char pliant_dynamic_shared[];
  return reinterpret_cast<T*>(pliant_dynamic_shared);
}

// N neighbouring values that are read or written at once, 16 bytes where nothing else is said. Addresses are multiples of its size.
template <class T, int N = 16 / static_cast<int>(sizeof(T))>
struct alignas(sizeof(T) * N) Packet {
  T at[N];
};
template <class T, int N = 16 / static_cast<int>(sizeof(T))>
__device__ __forceinline__ Packet<T, N> load_packet(const T* x) {
  return *reinterpret_cast<const Packet<T, N>*>(x);
}
template <class T, int N>
__device__ __forceinline__ void store_packet(T* y, const Packet<T, N>& packet) {
  *reinterpret_cast<Packet<T, N>*>(y) = packet;
}

__device__ __forceinline__ float4 load4(const float* x) { return *reinterpret_cast<const float4*>(x); }
__device__ __forceinline__ void store4(float* y, float4 value) { *reinterpret_cast<float4*>(y) = value; }

#else

template <class... P, class... A>
void launch(void (*kernel)(P...), dim3 grid, dim3 block, std::size_t shared_bytes, gpu::Stream stream, A&&... args) {
  static_assert(sizeof...(P) == sizeof...(A), "launch: the kernel has another number of parameters");
  const auto body = [kernel, ... values = static_cast<std::remove_const_t<P>>(args)] { kernel(values...); };
  using Body = decltype(body);
  static_assert(std::is_trivially_copyable_v<Body>, "launch: a captured kernel's arguments are copied as bytes");
  stream->launch(reinterpret_cast<const void*>(kernel), grid, block, shared_bytes,
                 {[](const void* data) { (*static_cast<Body*>(data))(); }, &body, sizeof body});
}

template <class T>
T* dynamic_shared() {
  return static_cast<T*>(gpu::simt::dynamic_shared_memory());
}

// Neighbouring values at a boundary of their size; the emulator reports any other address.
template <class T, int N = 16 / static_cast<int>(sizeof(T))>
struct Packet {
  T at[N];
};
template <class T, int N = 16 / static_cast<int>(sizeof(T))>
PLIANT_HOST_DEVICE inline Packet<T, N> load_packet(const T* x) {
  gpu::simt::require_aligned(x, sizeof(T) * N);
  Packet<T, N> packet;
  for (int i = 0; i < N; ++i) packet.at[i] = x[i];
  return packet;
}
template <class T, int N>
PLIANT_HOST_DEVICE inline void store_packet(T* y, const Packet<T, N>& packet) {
  gpu::simt::require_aligned(y, sizeof(T) * N);
  for (int i = 0; i < N; ++i) y[i] = packet.at[i];
}
inline float4 load4(const float* x) {
  gpu::simt::require_aligned(x, 16);
  return {x[0], x[1], x[2], x[3]};
}
inline void store4(float* y, float4 value) {
  gpu::simt::require_aligned(y, 16);
  y[0] = value.x, y[1] = value.y, y[2] = value.z, y[3] = value.w;
}

#endif

// One thread per element, 256 a block; the kernel leaves threads at n and above idle. n == 0 launches nothing.
template <class... P, class... A>
void launch_1d(void (*kernel)(P...), std::int64_t n, gpu::Stream stream, A&&... args) {
  constexpr std::int64_t kThreads = 256;
  PLIANT_REQUIRE(ShapeError, n >= 0 && n <= kThreads * 0x7fffffffll, "launch_1d: ", n, " elements do not fit a grid");
  if (n == 0) return;
  launch(kernel, dim3(static_cast<unsigned>((n + kThreads - 1) / kThreads)), dim3(static_cast<unsigned>(kThreads)), 0,
         stream, static_cast<A&&>(args)...);
}

}  // namespace pliant

