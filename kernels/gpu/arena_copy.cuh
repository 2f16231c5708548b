// The copy of an arena in bf16 or f16 that a step of an optimizer writes beside it.
#pragma once

#include "core/gpu/launch.h"
#include "kernels/arena_checks.h"

namespace pliant::kernels::gpu {

// y[0..3] = value, rounded to nearest even; y at a multiple of four elements.
template <class T>
__device__ inline void store_rounded(T* y, float4 value) {
  store_packet(y, Packet<T, 4>{{from_float<T>(value.x), from_float<T>(value.y), from_float<T>(value.z), from_float<T>(value.w)}});
}

// Calls f(the data of the copy as a pointer to its type): a null pointer where there is none.
template <class F>
void dispatch_copy(const char* op, Tensor& copy, F&& f) {
  if (!copy) return f(static_cast<BFloat16*>(nullptr));
  dispatch_gpu(copy.dtype(), op, [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* data = copy.data<T>();
    PLIANT_REQUIRE(ShapeError, reinterpret_cast<std::uintptr_t>(data) % (4 * sizeof(T)) == 0, op, ": the copy of w must start at a multiple of ",
                   4 * sizeof(T), " bytes");
    f(data);
  });
}

}  // namespace pliant::kernels::gpu
