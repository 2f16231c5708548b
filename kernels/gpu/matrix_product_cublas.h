// What tests may ask of the matrix products of CUDA builds. Only in builds with CUDA.
#pragma once

#include "core/context.h"
#include "kernels/matrix_product_checks.h"

namespace pliant::kernels::gpu {

// All that cuBLASLt's answer depends on, compared as bytes: ints only, so that there is no padding.
struct ProductProblem {
  int m, n, l;          // c [M, N], sums of L terms
  int transpose_a, transpose_b, accumulate;
  int dtype, result;    // DTypes: of a and b, of c
  int has_bias;         // added by the library
  int alignment;        // bytes that divide every address
  int tf32;
};

// Describes a product to cuBLASLt, which needs no GPU; DeviceError where the library refuses the description.
void cublaslt_describe(const ProductProblem& problem);

struct ProductCounters {
  std::int64_t plans = 0;      // problems that cuBLASLt computes
  std::int64_t fallbacks = 0;  // those that the hand-written kernel computes
};
ProductCounters product_counters(Context& context);

}  // namespace pliant::kernels::gpu
