// The margin of one logit and what the operations of hinge.h require of their arguments, once for every backend.
#pragma once

#include "core/gpu/annotations.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

// max(0, 1 - t z), t = 1 for the own class, else -1; NaN stays NaN.
template <class T>
PLIANT_HOST_DEVICE inline T hinge_margin(T z, bool own) {
  const T margin = T(1) - (own ? z : -z);
  return margin <= T(0) ? T(0) : margin;
}

// -2 t max(0, 1 - t z)
template <class T>
PLIANT_HOST_DEVICE inline T hinge_slope(T z, bool own) {
  return (own ? T(-2) : T(2)) * hinge_margin(z, own);
}

inline void check_squared_hinge(const char* op, const Tensor& z, const Tensor& labels, const char* per_sample,
                                const Tensor& losses) {
  require_float(op, "z", z);
  PLIANT_REQUIRE(ShapeError, z.shape().rank() == 2 && z.shape()[1] > 0, op,
                 ": expected logits [N, C] with at least one class, got ", z);
  require_tensor(op, "labels", labels, {z.shape()[0]}, DType::i32);
  require_tensor(op, per_sample, losses, {z.shape()[0]}, z.dtype());
}

inline void check_squared_hinge_backward(const Tensor& dlosses, const Tensor& z, const Tensor& labels,
                                         const Tensor& dz) {
  check_squared_hinge("squared_hinge_backward", z, labels, "dlosses", dlosses);
  require_tensor("squared_hinge_backward", "dz", dz, z.shape(), z.dtype());
}

}  // namespace pliant::kernels
