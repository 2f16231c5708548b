// What operations of elementwise.h require beyond equal shapes, for every backend.
#pragma once

#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline void check_scale_by(const Tensor& x, const Tensor& factor, const Tensor& y) {
  require_storage("scale_by", "x", x);
  require_tensor("scale_by", "factor", factor, {1}, accumulation_dtype(x.dtype()));
  require_tensor("scale_by", "y", y, x.shape(), x.dtype());
}

}  // namespace pliant::kernels
