// Tensors as libraries take them: addresses whatever the dtype, and what divides them.
#pragma once

#include <bit>
#include <cstdint>
#include <initializer_list>

#include "core/tensor.h"

namespace pliant::kernels::gpu {

// Throw ShapeError, naming the operation, for dtypes in which the GPU does not compute.
inline const void* readable(const char* op, const Tensor& tensor) {
  return dispatch_gpu(tensor.dtype(), op, [&](auto tag) -> const void* { return tensor.data<typename decltype(tag)::type>(); });
}
inline void* writable(const char* op, Tensor& tensor) {
  return dispatch_gpu(tensor.dtype(), op, [&](auto tag) -> void* { return tensor.data<typename decltype(tag)::type>(); });
}

// The largest power of two up to 16, the widest access of a thread, that divides every address. Null counts as aligned.
inline int common_alignment(std::initializer_list<const void*> addresses) {
  std::uintptr_t bits = 16;
  for (const void* address : addresses) bits |= std::bit_cast<std::uintptr_t>(address);
  return 1 << std::countr_zero(bits);
}

}  // namespace pliant::kernels::gpu
