// Checks of single arguments that several families share. Each throws ShapeError with the operation, the argument, what
// was expected and what came.
#pragma once

#include "core/tensor.h"

namespace pliant::kernels {

// A tensor of f32, or of f64 on the CPU.
inline void require_float(const char* op, const char* name, const Tensor& tensor) {
  PLIANT_REQUIRE(ShapeError, tensor, op, ": ", name, " is missing");
  const bool f64_here = tensor.dtype() == DType::f64 && tensor.context().backend() == Backend::cpu;
  PLIANT_REQUIRE(ShapeError, tensor.dtype() == DType::f32 || f64_here, op, ": ", name,
                 " must be f32, or f64 on the CPU; got ", tensor);
}

// A tensor of activations: f32, bf16 or f16, or f64 on the CPU.
inline void require_storage(const char* op, const char* name, const Tensor& tensor) {
  PLIANT_REQUIRE(ShapeError, tensor, op, ": ", name, " is missing");
  const bool f64_here = tensor.dtype() == DType::f64 && tensor.context().backend() == Backend::cpu;
  PLIANT_REQUIRE(ShapeError, tensor.dtype() == DType::f32 || is_16_bit(tensor.dtype()) || f64_here, op, ": ", name,
                 " must be f32, bf16 or f16, or f64 on the CPU; got ", tensor);
}

inline void require_tensor(const char* op, const char* name, const Tensor& tensor, Shape shape, DType dtype) {
  PLIANT_REQUIRE(ShapeError, tensor, op, ": ", name, " is missing");
  PLIANT_REQUIRE(ShapeError, tensor.shape() == shape && tensor.dtype() == dtype, op, ": ", name, " must be ", dtype,
                 " ", shape, ", got ", tensor);
}

inline void require_rank(const char* op, const char* name, const Tensor& tensor, int rank) {
  PLIANT_REQUIRE(ShapeError, tensor, op, ": ", name, " is missing");
  PLIANT_REQUIRE(ShapeError, tensor.shape().rank() == rank, op, ": ", name, " must have ", rank, " dimensions, got ",
                 tensor);
}

// The same sizes but for the last one, which may be anything.
inline bool same_rows(const Shape& a, const Shape& b) {
  if (a.rank() != b.rank() || a.rank() == 0) return false;
  for (int i = 0; i + 1 < a.rank(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// The number of rows of a tensor seen as [rows, C].
inline std::int64_t rows_of(const Shape& shape) {
  std::int64_t rows = 1;
  for (int i = 0; i + 1 < shape.rank(); ++i) rows *= shape[i];
  return rows;
}

}  // namespace pliant::kernels
