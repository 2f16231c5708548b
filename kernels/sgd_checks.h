// What sgd_step requires of its arguments, for every backend.
#pragma once

#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline constexpr std::int64_t kSgdSegment = 64;  // elements that share one rule

inline void check_sgd_step(const Tensor& w, const Tensor& gradient, const Tensor& v, const Tensor& rules,
                           const Tensor& mask, const Tensor& scalars) {
  require_float("sgd_step", "w", w);
  PLIANT_REQUIRE(ShapeError, w.shape().rank() == 1 && w.size() % kSgdSegment == 0,
                 "sgd_step: w must be [P], P a multiple of ", kSgdSegment, ", got ", w);
  require_tensor("sgd_step", "gradient", gradient, w.shape(), w.dtype());
  require_tensor("sgd_step", "v", v, w.shape(), w.dtype());
  require_tensor("sgd_step", "rules", rules, {w.size() / kSgdSegment, 3}, w.dtype());
  if (mask) require_tensor("sgd_step", "mask", mask, w.shape(), w.dtype());
  require_tensor("sgd_step", "scalars", scalars, {2}, DType::f64);
}

}  // namespace pliant::kernels
