// What the steps of optimizers require of their arenas, for every backend. Four neighbouring elements are read at once
// on a GPU.
#pragma once

#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline constexpr std::int64_t kArenaSegment = 64;  // elements that share one rule
inline constexpr std::int64_t kArenaRule = 4;      // numbers of a rule: factor of the rate, decay, l1, proximal weight

// w, gradient [P], P a multiple of a segment, rules [P / 64, 4], mask [P] or no tensor, scalars [count] f64; the
// optimizer's own arenas are checked with require_arena.
inline void check_arenas(const char* op, const Tensor& w, const Tensor& gradient, const Tensor& rules,
                         const Tensor& mask, const Tensor& scalars, std::int64_t count) {
  require_float(op, "w", w);
  PLIANT_REQUIRE(ShapeError, w.shape().rank() == 1 && w.size() % kArenaSegment == 0, op,
                 ": w must be [P], P a multiple of ", kArenaSegment, ", got ", w);
  require_tensor(op, "gradient", gradient, w.shape(), w.dtype());
  require_tensor(op, "rules", rules, {w.size() / kArenaSegment, kArenaRule}, w.dtype());
  if (mask) require_tensor(op, "mask", mask, w.shape(), w.dtype());
  require_tensor(op, "scalars", scalars, {count}, DType::f64);
}

// The copy of w in the type that a net computes in, which a step writes too; or no tensor.
inline void require_copy(const char* op, const Tensor& copy, const Tensor& w) {
  if (!copy) return;
  PLIANT_REQUIRE(ShapeError, w.dtype() == DType::f32 && is_16_bit(copy.dtype()) && copy.shape() == w.shape(), op,
                 ": the copy of w must be bf16 or f16 beside f32, of the shape of w; w is ", w, ", the copy ", copy);
}

inline void require_arena(const char* op, const char* name, const Tensor& arena, const Tensor& w) {
  require_tensor(op, name, arena, w.shape(), w.dtype());
}

// The data of an arena of f32 that a kernel reads by fours; null where there is no tensor. Views may start anywhere.
template <class Arena>  // Tensor or const Tensor
auto aligned_arena(const char* op, const char* name, Arena& arena) -> decltype(arena.template data<float>()) {
  if (!arena) return nullptr;
  const auto data = arena.template data<float>();
  PLIANT_REQUIRE(ShapeError, reinterpret_cast<std::uintptr_t>(data) % 16 == 0, op, ": ", name,
                 " must start at a multiple of 16 bytes");
  return data;
}

}  // namespace pliant::kernels
