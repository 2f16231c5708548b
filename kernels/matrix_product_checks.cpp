#include "kernels/matrix_product_checks.h"

#include <limits>

namespace pliant::kernels {

ProductSizes check_matrix_product(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, const Tensor& c) {
  const auto require = [&](bool condition, const auto&... what) {
    PLIANT_REQUIRE(ShapeError, condition, "matrix_product: a ", a.shape(), options.transpose_a ? " transposed" : "", ", b ",
                   b.shape(), options.transpose_b ? " transposed" : "", ", c ", c.shape(), ": ", what...);
  };
  require(a.shape().rank() == 2 && b.shape().rank() == 2 && c.shape().rank() == 2, "all must have two dimensions");
  const DType wide = accumulation_dtype(a.dtype());
  require(a.dtype() == b.dtype(), "dtypes ", a.dtype(), " of a and ", b.dtype(), " of b differ");
  require(c.dtype() == a.dtype() || c.dtype() == wide, "c is ", c.dtype(), "; products of ", a.dtype(), " are written as ", a.dtype(),
          a.dtype() == wide ? "" : " or f32");
  const ProductSizes sizes{a.shape()[options.transpose_a ? 1 : 0], b.shape()[options.transpose_b ? 0 : 1],
                           a.shape()[options.transpose_a ? 0 : 1]};
  const std::int64_t other = b.shape()[options.transpose_b ? 1 : 0];
  require(sizes.l == other, "sums of ", sizes.l, " terms of a and ", other, " of b");
  require((c.shape() == Shape{sizes.m, sizes.n}), "c must be [", sizes.m, ", ", sizes.n, "]");
  const std::int64_t most = std::numeric_limits<int>::max();
  require(sizes.m <= most && sizes.n <= most && sizes.l <= most, "a dimension exceeds 2^31 - 1");
  if (bias) {
    require(!options.accumulate, "a bias cannot be added while accumulating");
    require(bias.shape() == Shape{sizes.n}, "the bias must be [", sizes.n, "], it is ", bias.shape());
    require(bias.dtype() == wide, "beside a of ", a.dtype(), " the bias must be ", wide, ", it is ", bias.dtype());
  }
  return sizes;
}

}  // namespace pliant::kernels
