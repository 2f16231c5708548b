// cuBLASLt takes the description of every kind of product. Which algorithm it would choose only a GPU can tell.
#include "kernels/gpu/matrix_product_cublas.h"

#include <doctest/doctest.h>

namespace pliant::test {

using namespace kernels::gpu;

TEST_CASE("cuBLASLt: products of every dtype and orientation are accepted") {
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const DType result : {dtype, DType::f32}) {
      for (int bits = 0; bits < 16; ++bits) {
        const ProductProblem problem{128, 10, 513, bits & 1, (bits >> 1) & 1, (bits >> 2) & 1, static_cast<int>(dtype), static_cast<int>(result),
                                     (bits >> 3) & 1, bits & 1 ? 4 : 16, bits & 1};
        CHECK_NOTHROW(cublaslt_describe(problem));
      }
    }
  }
}

TEST_CASE("cuBLASLt: dtypes that no GPU kernel has are refused") {
  const ProductProblem problem{2, 2, 2, 0, 0, 0, static_cast<int>(DType::f64), static_cast<int>(DType::f64), 0, 16, 0};
  CHECK_THROWS_AS(cublaslt_describe(problem), ShapeError);
}

}  // namespace pliant::test
