// Convolution as implicit matrix products (tile_product.cuh), one per group; f32, bf16 or f16 in
// memory, sums in f32, dw in f32.
//   forward          [pixels of y, R S C/g] x [R S C/g, K/g]         terms run over taps and channels
//   backward data    [pixels of x, R S K/g] x [R S K/g, C/g]         terms run over taps and filters
//   backward filter  [K/g, pixels of y] x [pixels of y, R S C/g]     terms run over pixels
// The filter gradient has few results and long sums: the pixels are split into parts whose number depends on the shapes alone,
// each part writes its own sums, and a second kernel adds them in order. Each operand is read once per tile of 32 of the other's
// size, 8 FLOP per byte from L2. Deterministic.
#include "kernels/gpu/conv2d_direct.h"

#include <algorithm>

#include "kernels/conv2d_checks.h"
#include "kernels/gpu/partial_sums.h"
#include "kernels/gpu/tile_product.cuh"

namespace pliant::kernels::gpu {

namespace {

// x at the place that output pixel (n, p, q) reads through (tap, channel of the group); 0 outside the image.
template <class T>
__device__ float read_input(const T* x, const Conv2dSizes& z, int group, std::int64_t pixel, int tap, int c) {
  const int q = static_cast<int>(pixel % z.q), p = static_cast<int>(pixel / z.q % z.p);
  const std::int64_t n = pixel / z.q / z.p;
  const int h = p * z.stride - z.padding + tap / z.s * z.dilation, w = q * z.stride - z.padding + tap % z.s * z.dilation;
  if (h < 0 || h >= z.h || w < 0 || w >= z.w) return 0.0f;
  return to_float(x[((n * z.h + h) * z.w + w) * z.c + group * z.group_c + c]);
}

// dy at the output pixel that reads input pixel (n, h, w) through `tap`; 0 where there is none.
template <class T>
__device__ float read_gradient(const T* dy, const Conv2dSizes& z, int group, std::int64_t pixel, int tap, int k) {
  const int w = static_cast<int>(pixel % z.w), h = static_cast<int>(pixel / z.w % z.h);
  const std::int64_t n = pixel / z.w / z.h;
  const int down = h + z.padding - tap / z.s * z.dilation, right = w + z.padding - tap % z.s * z.dilation;
  if (down < 0 || right < 0 || down % z.stride != 0 || right % z.stride != 0) return 0.0f;
  const int p = down / z.stride, q = right / z.stride;
  if (p >= z.p || q >= z.q) return 0.0f;
  return to_float(dy[((n * z.p + p) * z.q + q) * z.k + group * z.group_k + k]);
}

template <class T>
__global__ void forward_kernel(const T* __restrict__ x, const T* __restrict__ w, const float* __restrict__ bias, Conv2dSizes z,
                               T* __restrict__ y) {
  const int group = static_cast<int>(blockIdx.z);
  const std::int64_t terms = static_cast<std::int64_t>(z.r) * z.s * z.group_c;
  const TileRange range{static_cast<std::int64_t>(z.n) * z.p * z.q, z.group_k, 0, terms};
  tile_product<Along::terms, Along::terms>(
      range,
      [&](std::int64_t pixel, std::int64_t term) {
        return read_input(x, z, group, pixel, static_cast<int>(term / z.group_c), static_cast<int>(term % z.group_c));
      },
      [&](std::int64_t k, std::int64_t term) { return to_float(w[(group * z.group_k + k) * terms + term]); },
      [&](std::int64_t pixel, std::int64_t k, float sum) {
        const std::int64_t filter = group * z.group_k + k;
        y[pixel * z.k + filter] = from_float<T>(bias ? sum + bias[filter] : sum);
      });
}

template <class T>
__global__ void backward_data_kernel(const T* __restrict__ dy, const T* __restrict__ w, Conv2dSizes z, T* __restrict__ dx) {
  const int group = static_cast<int>(blockIdx.z), taps = z.r * z.s;
  const TileRange range{static_cast<std::int64_t>(z.n) * z.h * z.w, z.group_c, 0, static_cast<std::int64_t>(taps) * z.group_k};
  tile_product<Along::terms, Along::others>(
      range,
      [&](std::int64_t pixel, std::int64_t term) {
        return read_gradient(dy, z, group, pixel, static_cast<int>(term / z.group_k), static_cast<int>(term % z.group_k));
      },
      [&](std::int64_t c, std::int64_t term) {
        const std::int64_t k = group * z.group_k + term % z.group_k;
        return to_float(w[(k * taps + term / z.group_k) * z.group_c + c]);
      },
      [&](std::int64_t pixel, std::int64_t c, float sum) { dx[pixel * z.c + group * z.group_c + c] = from_float<T>(sum); });
}

template <class T>
__global__ void backward_filter_kernel(const T* __restrict__ dy, const T* __restrict__ x, Conv2dSizes z, int parts,
                                       float* __restrict__ partials) {
  const int group = static_cast<int>(blockIdx.z) / parts, part = static_cast<int>(blockIdx.z) % parts;
  const std::int64_t pixels = static_cast<std::int64_t>(z.n) * z.p * z.q, weights = static_cast<std::int64_t>(z.r) * z.s * z.group_c;
  const TileRange range{z.group_k, weights, pixels * part / parts, pixels * (part + 1) / parts};
  tile_product<Along::others, Along::others>(
      range, [&](std::int64_t k, std::int64_t pixel) { return to_float(dy[pixel * z.k + group * z.group_k + k]); },
      [&](std::int64_t weight, std::int64_t pixel) {
        return read_input(x, z, group, pixel, static_cast<int>(weight / z.group_c), static_cast<int>(weight % z.group_c));
      },
      [&](std::int64_t k, std::int64_t weight, float sum) {
        partials[(static_cast<std::int64_t>(part) * z.k + group * z.group_k + k) * weights + weight] = sum;
      });
}

dim3 grid_of(const char* op, std::int64_t rows, std::int64_t columns, std::int64_t layers) {
  PLIANT_REQUIRE(ShapeError, tiles(columns) <= 65535 && layers <= 65535, op, ": ", columns, " columns in ", layers,
                 " groups do not fit the grid of the hand-written kernel");
  return {tiles(rows), tiles(columns), static_cast<unsigned>(layers)};
}

}  // namespace

void conv2d_direct_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check_conv2d("conv2d", x, w, bias, y, geometry);
  if (z.n == 0) return;
  dispatch_gpu(x.dtype(), "conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(forward_kernel<T>, grid_of("conv2d", z.output_pixels(), z.group_k, z.groups), kTileThreads, 0, x.context().stream(),
           x.data<T>(), w.data<T>(), bias ? bias.data<float>() : nullptr, z, y.data<T>());
  });
}

void conv2d_direct_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  const Conv2dSizes z = check_conv2d("gradient of conv2d", dx, w, {}, dy, geometry);
  if (z.n == 0) return;
  dispatch_gpu(dy.dtype(), "gradient of conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(backward_data_kernel<T>, grid_of("gradient of conv2d", z.input_pixels(), z.group_c, z.groups), kTileThreads, 0,
           dy.context().stream(), dy.data<T>(), w.data<T>(), z, dx.data<T>());
  });
}

void conv2d_direct_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  const Conv2dSizes z = check_conv2d("gradient of conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  if (z.n == 0) return;
  // At least 64 pixels a part, and together about 2000 blocks.
  const std::int64_t weights = std::int64_t{z.taps()} * z.group_c;
  const std::int64_t tiles_of_dw = std::int64_t{tiles(z.group_k)} * tiles(weights) * z.groups;
  const std::int64_t wanted = std::min((z.output_pixels() + 63) / 64, 2000 / tiles_of_dw + 1);
  const int parts = static_cast<int>(std::clamp<std::int64_t>(wanted, 1, std::max(65535 / z.groups, 1)));
  Tensor partials(dy.context(), {parts, dw.size()});
  dispatch_gpu(dy.dtype(), "gradient of conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(backward_filter_kernel<T>, grid_of("gradient of conv2d", z.group_k, weights, std::int64_t{z.groups} * parts),
           kTileThreads, 0, dy.context().stream(), dy.data<T>(), x.data<T>(), z, parts, partials.data<float>());
  });
  add_partial_sums(partials, dw);
}

}  // namespace pliant::kernels::gpu
