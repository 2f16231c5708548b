// The hand-written matrix product of the GPU: f32, bf16 and f16, deterministic. It runs under the emulator and is what cuBLAS is tested against.
#pragma once

#include "kernels/matrix_product.h"

namespace pliant::kernels::gpu {

// Shapes and errors as in kernels/matrix_product.h.
void matrix_product_tiled(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c);

}  // namespace pliant::kernels::gpu
