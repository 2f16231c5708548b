// Depthwise convolution, one filter per channel; f32, bf16 or f16 in memory, sums and dw in f32.    x [N, H, W, C], w [C, R, S, 1], y, dy [N, P, Q, C]
// Forward and backward data: one thread per element written, neighbouring threads on neighbouring channels; each input is read
// R S times, from caches but for the first. Bound by memory: b (input + output) bytes for elements of b bytes.
// Backward filter: one thread per (tap, channel) and part of the pixels, then the parts are added in order. Deterministic.
#include <algorithm>

#include "core/gpu/launch.h"
#include "kernels/conv2d_checks.h"
#include "kernels/gpu/partial_sums.h"

namespace pliant::kernels::gpu {

namespace {

constexpr int kThreads = 256;

template <class T>
__global__ void depthwise_forward_kernel(const T* __restrict__ x, const T* __restrict__ w, const float* __restrict__ bias,
                                         Conv2dSizes z, T* __restrict__ y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t pixel = i / z.c, n = pixel / z.q / z.p;
  if (n >= z.n) return;
  const int c = static_cast<int>(i % z.c), q = static_cast<int>(pixel % z.q), p = static_cast<int>(pixel / z.q % z.p);
  float sum = bias ? bias[c] : 0.0f;
  for (int r = 0; r < z.r; ++r) {
    const int h = p * z.stride - z.padding + r * z.dilation;
    if (h < 0 || h >= z.h) continue;
    for (int s = 0; s < z.s; ++s) {
      const int column = q * z.stride - z.padding + s * z.dilation;
      if (column < 0 || column >= z.w) continue;
      sum += to_float(x[((n * z.h + h) * z.w + column) * z.c + c]) * to_float(w[(static_cast<std::int64_t>(c) * z.r + r) * z.s + s]);
    }
  }
  y[i] = from_float<T>(sum);
}

template <class T>
__global__ void depthwise_backward_data_kernel(const T* __restrict__ dy, const T* __restrict__ w, Conv2dSizes z, T* __restrict__ dx) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t pixel = i / z.c, n = pixel / z.w / z.h;
  if (n >= z.n) return;
  const int c = static_cast<int>(i % z.c), column = static_cast<int>(pixel % z.w), h = static_cast<int>(pixel / z.w % z.h);
  float sum = 0.0f;
  for (int r = 0; r < z.r; ++r) {
    const int down = h + z.padding - r * z.dilation;
    if (down < 0 || down % z.stride != 0 || down / z.stride >= z.p) continue;
    for (int s = 0; s < z.s; ++s) {
      const int right = column + z.padding - s * z.dilation;
      if (right < 0 || right % z.stride != 0 || right / z.stride >= z.q) continue;
      const std::int64_t from = (n * z.p + down / z.stride) * z.q + right / z.stride;
      sum += to_float(dy[from * z.c + c]) * to_float(w[(static_cast<std::int64_t>(c) * z.r + r) * z.s + s]);
    }
  }
  dx[i] = from_float<T>(sum);
}

// blockIdx.y: the part of the pixels. partials [parts, C, R, S].
template <class T>
__global__ void depthwise_backward_filter_kernel(const T* __restrict__ dy, const T* __restrict__ x, Conv2dSizes z,
                                                 float* __restrict__ partials) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int taps = z.r * z.s, tap = static_cast<int>(i / z.c), c = static_cast<int>(i % z.c);
  if (tap >= taps) return;
  const std::int64_t pixels = static_cast<std::int64_t>(z.n) * z.p * z.q;
  float sum = 0.0f;
  for (std::int64_t pixel = pixels * blockIdx.y / gridDim.y; pixel < pixels * (blockIdx.y + 1) / gridDim.y; ++pixel) {
    const int q = static_cast<int>(pixel % z.q), p = static_cast<int>(pixel / z.q % z.p);
    const int h = p * z.stride - z.padding + tap / z.s * z.dilation, column = q * z.stride - z.padding + tap % z.s * z.dilation;
    if (h < 0 || h >= z.h || column < 0 || column >= z.w) continue;
    sum += to_float(dy[pixel * z.c + c]) * to_float(x[((pixel / z.q / z.p * z.h + h) * z.w + column) * z.c + c]);
  }
  partials[(static_cast<std::int64_t>(blockIdx.y) * z.c + c) * taps + tap] = sum;
}

}  // namespace

void depthwise_conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check_depthwise("depthwise_conv2d", x, w, bias, y, geometry);
  dispatch_gpu(x.dtype(), "depthwise_conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(depthwise_forward_kernel<T>, y.size(), x.context().stream(), x.data<T>(), w.data<T>(),
              bias ? bias.data<float>() : nullptr, z, y.data<T>());
  });
}

void depthwise_conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  const Conv2dSizes z = check_depthwise("gradient of depthwise_conv2d", dx, w, {}, dy, geometry);
  dispatch_gpu(dy.dtype(), "gradient of depthwise_conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(depthwise_backward_data_kernel<T>, dx.size(), dy.context().stream(), dy.data<T>(), w.data<T>(), z, dx.data<T>());
  });
}

void depthwise_conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  const Conv2dSizes z = check_depthwise("gradient of depthwise_conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  if (z.n == 0) return;
  const std::int64_t blocks = (dw.size() + kThreads - 1) / kThreads;
  const std::int64_t parts = std::clamp<std::int64_t>(std::min(z.output_pixels() / 64, 2000 / blocks), 1, 1024);
  Tensor partials(dy.context(), {parts, dw.size()});
  dispatch_gpu(dy.dtype(), "gradient of depthwise_conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(depthwise_backward_filter_kernel<T>, dim3(static_cast<unsigned>(blocks), static_cast<unsigned>(parts)), kThreads, 0,
           dy.context().stream(), dy.data<T>(), x.data<T>(), z, partials.data<float>());
  });
  add_partial_sums(partials, dw);
}

}  // namespace pliant::kernels::gpu
