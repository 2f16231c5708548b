// c [M, N] = op(a) [M, L] op(b) [L, N] + bias, or c + op(a) op(b); a and b f32, bf16 or f16 in
// memory, c of the same type or f32, sums in f32. Tiles of 32 x 32 (tile_product.cuh).
// Bytes: each operand is read once per tile of 32 of the other's size. One sum per result: deterministic.
#include "kernels/gpu/matrix_product_tiled.h"

#include "kernels/gpu/tile_product.cuh"
#include "kernels/matrix_product_checks.h"

namespace pliant::kernels::gpu {

namespace {

// One of the two is there.
template <class T>
struct Result {
  T* own;
  float* wide;

  __device__ float value(std::int64_t i) const { return own ? to_float(own[i]) : wide[i]; }
  __device__ void set(std::int64_t i, float value) const {
    if (own) {
      own[i] = from_float<T>(value);
    } else {
      wide[i] = value;
    }
  }
};

template <class T, bool transpose_a, bool transpose_b>
__global__ void product_kernel(const T* __restrict__ a, const T* __restrict__ b, const float* __restrict__ bias, ProductSizes z,
                               bool accumulate, Result<T> c) {
  tile_product<transpose_a ? Along::others : Along::terms, transpose_b ? Along::terms : Along::others>(
      TileRange{z.m, z.n, 0, z.l},
      [&](std::int64_t row, std::int64_t term) { return to_float(transpose_a ? a[term * z.m + row] : a[row * z.l + term]); },
      [&](std::int64_t column, std::int64_t term) { return to_float(transpose_b ? b[column * z.l + term] : b[term * z.n + column]); },
      [&](std::int64_t row, std::int64_t column, float sum) {
        const std::int64_t at = row * z.n + column;
        c.set(at, accumulate ? c.value(at) + sum : bias ? sum + bias[column] : sum);
      });
}

}  // namespace

void matrix_product_tiled(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  const ProductSizes z = check_matrix_product(a, b, bias, options, c);
  if (z.m == 0 || z.n == 0) return;
  PLIANT_REQUIRE(ShapeError, tiles(z.n) <= 65535, "matrix_product: ", z.n, " columns do not fit the grid");
  dispatch_gpu(a.dtype(), "matrix_product", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const bool own = c.dtype() == a.dtype();
    const Result<T> result{own ? c.data<T>() : nullptr, own ? nullptr : c.data<float>()};
    const auto start = [&](auto kernel) {
      launch(kernel, dim3(tiles(z.m), tiles(z.n)), kTileThreads, 0, c.context().stream(), a.data<T>(), b.data<T>(),
             bias ? bias.data<float>() : nullptr, z, options.accumulate, result);
    };
    if (options.transpose_a) {
      options.transpose_b ? start(product_kernel<T, true, true>) : start(product_kernel<T, true, false>);
    } else {
      options.transpose_b ? start(product_kernel<T, false, true>) : start(product_kernel<T, false, false>);
    }
  });
}

}  // namespace pliant::kernels::gpu
