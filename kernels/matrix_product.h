// Matrix product, the heart of linear layers. a and b have one dtype: f32 | f64 on the CPU, f32 on the GPU, bf16 | f16 where cuBLASLt
// computes. c has the same, or f32 beside 16 bits; the bias is f32 beside 16 bits. Sums in float (double for f64).
#pragma once

#include "core/kernel.h"

namespace pliant {

struct ProductOptions {
  bool transpose_a = false, transpose_b = false;
  bool accumulate = false;  // add to c instead of overwriting it; excludes a bias
};

}  // namespace pliant

namespace pliant::kernels {

// c = op(a) op(b) + bias       op(a) [M, L], op(b) [L, N], c [M, N]; bias [N] or no tensor, added to every row.
// A linear layer is forward x w^T + bias, backward dx = dy w, dw += dy^T x, with x [N, I], w [K, I].
PLIANT_KERNEL(matrix_product, (const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c));

}  // namespace pliant::kernels
