// The cross-shaped convolution as implicit matrix products (tile_product.cuh); f32, bf16 or f16 in memory, sums and dw in f32.
//   forward          [pixels of y, 5 C] x [5 C, K]        terms run over taps and channels
//   backward data    [pixels of x, 5 K] x [5 K, C]        terms run over taps and filters
//   backward filter  [K, pixels of y] x [pixels of y, 5 C]    terms run over pixels, in parts that are added in order
// Each operand is read once per tile of 32 of the other's size, 8 FLOP per byte from L2. Deterministic.
#include "kernels/conv2d_cross.h"

#include <algorithm>

#include "kernels/conv2d_cross_checks.h"
#include "kernels/gpu/partial_sums.h"
#include "kernels/gpu/tile_product.cuh"

namespace pliant::kernels::gpu {

namespace {

// x at the place that output pixel reads through weight (tap, c) of a filter; 0 outside the image.
template <class T>
__device__ float read_cross(const T* x, const CrossSizes& z, std::int64_t pixel, std::int64_t weight) {
  const std::int64_t from = cross_input(z, pixel, static_cast<int>(weight / z.c));
  return from < 0 ? 0.0f : to_float(x[from + weight % z.c]);
}

template <class T>
__global__ void cross_forward_kernel(const T* __restrict__ x, const T* __restrict__ w, const float* __restrict__ bias, CrossSizes z,
                                     T* __restrict__ y) {
  const std::int64_t terms = static_cast<std::int64_t>(kCrossTaps) * z.c;
  const TileRange range{static_cast<std::int64_t>(z.n) * z.p * z.q, z.k, 0, terms};
  tile_product<Along::terms, Along::terms>(
      range, [&](std::int64_t pixel, std::int64_t term) { return read_cross(x, z, pixel, term); },
      [&](std::int64_t k, std::int64_t term) { return to_float(w[k * terms + term]); },
      [&](std::int64_t pixel, std::int64_t k, float sum) { y[pixel * z.k + k] = from_float<T>(bias ? sum + bias[k] : sum); });
}

template <class T>
__global__ void cross_backward_data_kernel(const T* __restrict__ dy, const T* __restrict__ w, CrossSizes z, T* __restrict__ dx) {
  const TileRange range{static_cast<std::int64_t>(z.n) * z.h * z.w, z.c, 0, static_cast<std::int64_t>(kCrossTaps) * z.k};
  tile_product<Along::terms, Along::others>(
      range,
      [&](std::int64_t pixel, std::int64_t term) {
        const std::int64_t reader = cross_output(z, pixel, static_cast<int>(term / z.k));
        return reader < 0 ? 0.0f : to_float(dy[reader * z.k + term % z.k]);
      },
      [&](std::int64_t c, std::int64_t term) { return to_float(w[(term % z.k * kCrossTaps + term / z.k) * z.c + c]); },
      [&](std::int64_t pixel, std::int64_t c, float sum) { dx[pixel * z.c + c] = from_float<T>(sum); });
}

// partials [gridDim.z, k, 5 c]
template <class T>
__global__ void cross_backward_filter_kernel(const T* __restrict__ dy, const T* __restrict__ x, CrossSizes z,
                                             float* __restrict__ partials) {
  const std::int64_t part = blockIdx.z, parts = gridDim.z;
  const std::int64_t pixels = static_cast<std::int64_t>(z.n) * z.p * z.q, weights = static_cast<std::int64_t>(kCrossTaps) * z.c;
  const TileRange range{z.k, weights, pixels * part / parts, pixels * (part + 1) / parts};
  tile_product<Along::others, Along::others>(
      range, [&](std::int64_t k, std::int64_t pixel) { return to_float(dy[pixel * z.k + k]); },
      [&](std::int64_t weight, std::int64_t pixel) { return read_cross(x, z, pixel, weight); },
      [&](std::int64_t k, std::int64_t weight, float sum) { partials[(part * z.k + k) * weights + weight] = sum; });
}

dim3 cross_grid(const char* op, std::int64_t rows, std::int64_t columns, std::int64_t parts = 1) {
  PLIANT_REQUIRE(ShapeError, tiles(columns) <= 65535, op, ": ", columns, " columns do not fit the grid of the kernel");
  return {tiles(rows), tiles(columns), static_cast<unsigned>(parts)};
}

}  // namespace

void conv2d_cross_forward(const Tensor& x, const Tensor& w, const Tensor& bias, int stride, Tensor& y) {
  const CrossSizes z = check_conv2d_cross("conv2d_cross", x, w, bias, y, stride);
  if (z.n == 0) return;
  dispatch_gpu(x.dtype(), "conv2d_cross", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(cross_forward_kernel<T>, cross_grid("conv2d_cross", z.output_pixels(), z.k), kTileThreads, 0, x.context().stream(),
           x.data<T>(), w.data<T>(), bias ? bias.data<float>() : nullptr, z, y.data<T>());
  });
}

void conv2d_cross_backward_data(const Tensor& dy, const Tensor& w, int stride, Tensor& dx) {
  const CrossSizes z = check_conv2d_cross("gradient of conv2d_cross", dx, w, {}, dy, stride);
  if (z.n == 0) return;
  dispatch_gpu(dy.dtype(), "gradient of conv2d_cross", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(cross_backward_data_kernel<T>, cross_grid("gradient of conv2d_cross", z.input_pixels(), z.c), kTileThreads, 0,
           dy.context().stream(), dy.data<T>(), w.data<T>(), z, dx.data<T>());
  });
}

void conv2d_cross_backward_filter(const Tensor& dy, const Tensor& x, int stride, Tensor& dw) {
  const CrossSizes z = check_conv2d_cross("gradient of conv2d_cross", x, dw, {}, dy, stride, FilterRole::gradient);
  if (z.n == 0) return;
  // At least 64 pixels a part, and together about 2000 blocks.
  const std::int64_t tiles_of_dw = std::int64_t{tiles(z.k)} * tiles(z.weights());
  const std::int64_t parts = std::clamp<std::int64_t>(std::min((z.output_pixels() + 63) / 64, 2000 / tiles_of_dw + 1), 1, 65535);
  Tensor partials(dy.context(), {parts, dw.size()});
  dispatch_gpu(dy.dtype(), "gradient of conv2d_cross", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(cross_backward_filter_kernel<T>, cross_grid("gradient of conv2d_cross", z.k, z.weights(), parts), kTileThreads, 0,
           dy.context().stream(), dy.data<T>(), x.data<T>(), z, partials.data<float>());
  });
  add_partial_sums(partials, dw);
}

}  // namespace pliant::kernels::gpu
