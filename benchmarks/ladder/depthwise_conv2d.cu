// Depthwise convolution, four times: one filter per channel.    x [N, H, W, C], w [C, R, S, 1], y [N, P, Q, C]; f32, any geometry
//   y[n,p,q,c] = bias[c] + sum over r, s of x[n, p stride - padding + r dilation, q stride - padding + s dilation, c] w[c,r,s]
// 2 R S operations per value, 18 for 3 x 3, and 8 bytes at stride 1: 2.3 operations a byte, memory is the limit. The floor is the
// time of reading x and writing y once at the rate of a copy. Each channel has one filter: there are no matrices to multiply, and
// tensor cores, cuDNN's strength, do not help. So this ladder can end at the floor.
#include <algorithm>

#include "benchmarks/ladder/ladder.h"
#include "core/gpu/launch.h"
#include "kernels/conv2d_checks.h"

namespace pliant::ladder {

namespace {

using kernels::Conv2dSizes;

constexpr int kThreads = 256, kStrip = 4;

// The sum of one value of y, from everywhere in memory.
__device__ inline float window_sum(const float* x, const float* w, const Conv2dSizes& z, std::int64_t n, int p, int q, int c) {
  float sum = 0.0f;
  for (int r = 0; r < z.r; ++r) {
    const int h = p * z.stride - z.padding + r * z.dilation;
    if (h < 0 || h >= z.h) continue;
    for (int s = 0; s < z.s; ++s) {
      const int column = q * z.stride - z.padding + s * z.dilation;
      if (column < 0 || column >= z.w) continue;
      sum += x[((n * z.h + h) * z.w + column) * z.c + c] * w[(static_cast<std::int64_t>(c) * z.r + r) * z.s + s];
    }
  }
  return sum;
}

// 1. pixels. One thread per value, neighbours on neighbouring pixels of one channel, as one would write it for NCHW. In NHWC they lie
// C floats apart: every load of a warp touches 32 sectors and uses 4 bytes of each, and so does its store. From 8 channels on that is
// 9 x 32 bytes asked for per value, and 32 to write 4; what the caches cannot hold until the neighbouring channels
// come by is fetched again, up to 8 times the bytes of the floor.
__global__ void depthwise_pixels_kernel(const float* x, const float* w, const float* bias, Conv2dSizes z, float* y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t pixels = static_cast<std::int64_t>(z.p) * z.q, pixel = i % pixels, n = i / pixels / z.c;
  if (n >= z.n) return;
  const int c = static_cast<int>(i / pixels % z.c), p = static_cast<int>(pixel / z.q), q = static_cast<int>(pixel % z.q);
  const float sum = window_sum(x, w, z, n, p, q, c);
  y[(n * pixels + pixel) * z.c + c] = bias ? sum + bias[c] : sum;
}

// 2. channels. Neighbours on neighbouring channels: whole sectors in both directions, and the 9 readings of an x follow each other
// closely enough to come from the caches. Memory moves the floor's bytes; what is left is between cache and thread: 36 bytes of x
// per value, 9 loads of 4 bytes, and 9 of w, whose lanes lie R S floats apart: 32 sectors a tap where 4 would hold 32 floats.
// 18 loads and as many comparisons for 9 multiply-adds: the load units are the limit.
__global__ void depthwise_channels_kernel(const float* x, const float* w, const float* bias, Conv2dSizes z, float* y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const std::int64_t pixel = i / z.c, n = pixel / z.q / z.p;
  if (n >= z.n) return;
  const int c = static_cast<int>(i % z.c);
  const float sum = window_sum(x, w, z, n, static_cast<int>(pixel / z.q % z.p), static_cast<int>(pixel % z.q), c);
  y[i] = bias ? sum + bias[c] : sum;
}

__device__ inline void add_product(float4& sum, float4 a, float4 b) {
  sum.x += a.x * b.x, sum.y += a.y * b.y, sum.z += a.z * b.z, sum.w += a.w * b.w;
}

// The block's filters, turned, in shared memory: filters [taps][4 quads of channels], where a block has blockDim.x quads, those from
// first_channel on. Ends with a barrier.
__device__ inline void stage_filters(const float* w, const Conv2dSizes& z, int first_channel, float* filters) {
  const int channels = 4 * static_cast<int>(blockDim.x), taps = z.r * z.s, thread = static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
  for (int e = thread; e < channels * taps; e += kThreads) {
    const int c = e / taps, tap = e % taps;
    filters[tap * channels + c] = first_channel + c < z.c ? w[static_cast<std::int64_t>(first_channel + c) * taps + tap] : 0.0f;
  }
  __syncthreads();
}

// 3. quads. A thread takes 4 channels: a quarter of the loads, comparisons and divisions, each load 16 bytes. The filters of a block's
// channels are staged in shared memory once, tap by tap in the order in which lanes read them, and blocks walk over the pixels in
// steps of the grid, so that staging is paid once per some hundred pixels. For 4 values: 9 loads of x and 9 of w instead of 72.
// C has to be a multiple of 4.
__global__ void depthwise_quads_kernel(const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ bias, Conv2dSizes z,
                                       float* __restrict__ y) {
  float* filters = dynamic_shared<float>();
  const int channels = 4 * static_cast<int>(blockDim.x), c = static_cast<int>(blockIdx.x) * channels + 4 * static_cast<int>(threadIdx.x);
  stage_filters(w, z, static_cast<int>(blockIdx.x) * channels, filters);
  if (c >= z.c) return;
  const std::int64_t pixels = static_cast<std::int64_t>(z.n) * z.p * z.q, step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  for (std::int64_t pixel = static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; pixel < pixels; pixel += step) {
    const std::int64_t n = pixel / z.q / z.p;
    const int first_h = static_cast<int>(pixel / z.q % z.p) * z.stride - z.padding;
    const int first_column = static_cast<int>(pixel % z.q) * z.stride - z.padding;
    float4 sum = bias ? float4{bias[c], bias[c + 1], bias[c + 2], bias[c + 3]} : float4{0.0f, 0.0f, 0.0f, 0.0f};
    for (int r = 0; r < z.r; ++r) {
      const int h = first_h + r * z.dilation;
      if (h < 0 || h >= z.h) continue;
      for (int s = 0; s < z.s; ++s) {
        const int column = first_column + s * z.dilation;
        if (column < 0 || column >= z.w) continue;
        add_product(sum, load4(x + ((n * z.h + h) * z.w + column) * z.c + c), load4(filters + (r * z.s + s) * channels + 4 * threadIdx.x));
      }
    }
    store4(y + pixel * z.c + c, sum);
  }
}

// 4. strips. A thread takes 4 neighbouring pixels of a row as well: at stride 1 it reads 3 x 6 quads for 4 results where step 3 read
// 3 x 3 for each, 4.5 readings of x per value instead of 9, and each of the 9 filter quads, in a register, serves all four. Every load
// of a row is independent of the others: 6 x 16 bytes per thread under way. Expected: the floor, the rate of a copy. The sizes of
// the filter and the stride are template parameters, so that the loops unroll and the window stays in registers; 3 x 3 filters
// without dilation, strides 1 and 2, which is what MobileNets have; others take step 3.
template <int kStride>
__global__ void depthwise_strips_kernel(const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ bias, Conv2dSizes z,
                                        float* __restrict__ y) {
  constexpr int kTaps = 3, kWindow = (kStrip - 1) * kStride + kTaps;
  float* filters = dynamic_shared<float>();
  const int channels = 4 * static_cast<int>(blockDim.x), c = static_cast<int>(blockIdx.x) * channels + 4 * static_cast<int>(threadIdx.x);
  stage_filters(w, z, static_cast<int>(blockIdx.x) * channels, filters);
  if (c >= z.c) return;
  const int across = (z.q + kStrip - 1) / kStrip;
  const std::int64_t strips = static_cast<std::int64_t>(z.n) * z.p * across, step = static_cast<std::int64_t>(gridDim.y) * blockDim.y;
  for (std::int64_t strip = static_cast<std::int64_t>(blockIdx.y) * blockDim.y + threadIdx.y; strip < strips; strip += step) {
    const std::int64_t n = strip / across / z.p;
    const int p = static_cast<int>(strip / across % z.p), q = static_cast<int>(strip % across) * kStrip;
    float4 sum[kStrip];
#pragma unroll
    for (int j = 0; j < kStrip; ++j) sum[j] = bias ? float4{bias[c], bias[c + 1], bias[c + 2], bias[c + 3]} : float4{0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int r = 0; r < kTaps; ++r) {
      const int h = p * kStride - z.padding + r, first_column = q * kStride - z.padding;
      if (h < 0 || h >= z.h) continue;
      float4 window[kWindow];
#pragma unroll
      for (int i = 0; i < kWindow; ++i) {
        const int column = first_column + i;
        const bool inside = column >= 0 && column < z.w;
        window[i] = inside ? load4(x + ((n * z.h + h) * z.w + column) * z.c + c) : float4{0.0f, 0.0f, 0.0f, 0.0f};
      }
#pragma unroll
      for (int s = 0; s < kTaps; ++s) {
        const float4 weight = load4(filters + (r * kTaps + s) * channels + 4 * threadIdx.x);
#pragma unroll
        for (int j = 0; j < kStrip; ++j) add_product(sum[j], window[j * kStride + s], weight);
      }
    }
#pragma unroll
    for (int j = 0; j < kStrip; ++j) {
      if (q + j < z.q) store4(y + (((n * z.p + p) * z.q + q + j)) * z.c + c, sum[j]);
    }
  }
}

template <void (*kernel)(const float*, const float*, const float*, Conv2dSizes, float*)>
void one_by_one(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = kernels::check_depthwise("depthwise_conv2d", x, w, bias, y, geometry);
  launch_1d(kernel, y.size(), x.context().stream(), x.data<float>(), w.data<float>(), bias ? bias.data<float>() : nullptr, z, y.data<float>());
}

bool fit_quads(const Conv2dSizes& z, const Tensor& x, const Tensor& y) {
  const auto aligned = [](const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.data<float>()) % 16 == 0; };
  return z.c % 4 == 0 && z.taps() <= 96 && aligned(x) && aligned(y);  // 96 taps of 32 quads fill 48 KiB
}

// A grid for `rows` pixels or strips: up to 32 quads of channels side by side, some thousand blocks in all.
template <class Kernel>
void start_quads(Kernel* kernel, const Conv2dSizes& z, std::int64_t rows, const Tensor& x, const Tensor& w, const Tensor& bias, Tensor& y) {
  if (rows == 0) return;
  int width = 1;
  while (width < 32 && width < z.c / 4) width *= 2;
  const int height = kThreads / width, across = (z.c / 4 + width - 1) / width;
  const std::int64_t down = std::clamp<std::int64_t>((rows + height - 1) / height, 1, std::max(2048 / across, 1));
  launch(kernel, dim3(static_cast<unsigned>(across), static_cast<unsigned>(down)), dim3(static_cast<unsigned>(width), static_cast<unsigned>(height)),
         16u * static_cast<unsigned>(width * z.taps()), x.context().stream(), x.data<float>(), w.data<float>(),
         bias ? bias.data<float>() : nullptr, z, y.data<float>());
}

void quads(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = kernels::check_depthwise("depthwise_conv2d", x, w, bias, y, geometry);
  if (!fit_quads(z, x, y)) return one_by_one<depthwise_channels_kernel>(x, w, bias, geometry, y);
  start_quads(depthwise_quads_kernel, z, z.output_pixels(), x, w, bias, y);
}

void strips(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = kernels::check_depthwise("depthwise_conv2d", x, w, bias, y, geometry);
  if (!fit_quads(z, x, y) || z.r != 3 || z.s != 3 || z.dilation != 1 || z.stride > 2) return quads(x, w, bias, geometry, y);
  const std::int64_t count = static_cast<std::int64_t>(z.n) * z.p * ((z.q + kStrip - 1) / kStrip);
  start_quads(z.stride == 1 ? depthwise_strips_kernel<1> : depthwise_strips_kernel<2>, z, count, x, w, bias, y);
}

}  // namespace

std::vector<Step<Convolution>> depthwise_steps() {
  return {{"pixels", one_by_one<depthwise_pixels_kernel>}, {"channels", one_by_one<depthwise_channels_kernel>}, {"quads", quads}, {"strips", strips}};
}

}  // namespace pliant::ladder
