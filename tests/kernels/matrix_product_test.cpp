// The matrix product of a CUDA device beside the hand-written one. The case tables check both against plain loops.
#if defined(PLIANT_WITH_CUDA)
#include "kernels/matrix_product.h"

#include <doctest/doctest.h>

#include "kernels/gpu/matrix_product_cublas.h"
#include "kernels/gpu/matrix_product_tiled.h"
#include "tests/support/compare.h"

namespace pliant::test {

TEST_CASE("matrix product: cuBLASLt equals the hand-written kernel and nearly in TF32") {
  for (const bool tf32 : {false, true}) {
    CAPTURE(tf32);
    Context context(Device::cuda, {.tf32 = tf32});
    for (int bits = 0; bits < 8; ++bits) {
      const ProductOptions options{.transpose_a = (bits & 1) != 0, .transpose_b = (bits & 2) != 0, .accumulate = (bits & 4) != 0};
      const Shape a_shape = options.transpose_a ? Shape{96, 130} : Shape{130, 96}, b_shape = options.transpose_b ? Shape{50, 96} : Shape{96, 50};
      const Tensor a = random_tensor(context, a_shape, DType::f32, 1), b = random_tensor(context, b_shape, DType::f32, 2);
      const Tensor bias = options.accumulate ? Tensor() : random_tensor(context, {50}, DType::f32, 3);
      Tensor c = random_tensor(context, {130, 50}, DType::f32, 4), tiled = c.clone();
      kernels::matrix_product(a, b, bias, options, c);
      kernels::gpu::matrix_product_tiled(a, b, bias, options, tiled);
      CHECK(difference(c, tiled).relative < (tf32 ? 5e-3 : 1e-5));
    }
    CHECK(kernels::gpu::product_counters(context).fallbacks == 0);
  }
}

}  // namespace pliant::test
#endif
