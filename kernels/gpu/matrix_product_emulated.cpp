// Without CUDA there is no library: the emulator runs the hand-written product.
#include "kernels/gpu/matrix_product_tiled.h"

namespace pliant::kernels::gpu {

void matrix_product(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  matrix_product_tiled(a, b, bias, options, c);
}

}  // namespace pliant::kernels::gpu
