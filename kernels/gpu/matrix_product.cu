// c [M, N] = op(a) [M, L] op(b) [L, N] + bias, or c + op(a) op(b); f32. Tiles of 32 x 32 (tile_product.cuh).
// Bytes: each operand is read once per tile of 32 of the other's size. One sum per result: deterministic.
#include "kernels/gpu/matrix_product_tiled.h"

#include "kernels/gpu/tile_product.cuh"
#include "kernels/matrix_product_checks.h"

namespace pliant::kernels::gpu {

namespace {

template <bool transpose_a, bool transpose_b>
__global__ void product_kernel(const float* __restrict__ a, const float* __restrict__ b, const float* __restrict__ bias,
                               ProductSizes z, bool accumulate, float* __restrict__ c) {
  tile_product<transpose_a ? Along::others : Along::terms, transpose_b ? Along::terms : Along::others>(
      TileRange{z.m, z.n, 0, z.l},
      [&](std::int64_t row, std::int64_t term) { return transpose_a ? a[term * z.m + row] : a[row * z.l + term]; },
      [&](std::int64_t column, std::int64_t term) { return transpose_b ? b[column * z.l + term] : b[term * z.n + column]; },
      [&](std::int64_t row, std::int64_t column, float sum) {
        float& result = c[row * z.n + column];
        result = accumulate ? result + sum : bias ? sum + bias[column] : sum;
      });
}

}  // namespace

void matrix_product_tiled(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  const ProductSizes z = check_matrix_product(a, b, bias, options, c);
  if (z.m == 0 || z.n == 0) return;
  PLIANT_REQUIRE(ShapeError, tiles(z.n) <= 65535, "matrix_product: ", z.n, " columns do not fit the grid");
  const auto start = [&](auto kernel) {
    launch(kernel, dim3(tiles(z.m), tiles(z.n)), kTileThreads, 0, c.context().stream(), a.data<float>(), b.data<float>(),
                  bias ? bias.data<float>() : nullptr, z, options.accumulate, c.data<float>());
  };
  if (options.transpose_a) {
    options.transpose_b ? start(product_kernel<true, true>) : start(product_kernel<true, false>);
  } else {
    options.transpose_b ? start(product_kernel<false, true>) : start(product_kernel<false, false>);
  }
}

}  // namespace pliant::kernels::gpu
