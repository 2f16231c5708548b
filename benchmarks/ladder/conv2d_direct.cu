// Direct convolution of one group, four times: the loops as the formula writes them, with ever more reuse. f32, any geometry.
//   y[n,p,q,k] = bias[k] + sum over r, s, c of x[n, p stride - padding + r dilation, q stride - padding + s dilation, c] w[k,r,s,c]
// 2 R S C operations per value of y. For 3 x 3 filters, 64 channels to 64 that is 1152 operations for the 8 bytes of one value read
// and one written: arithmetic is the limit, as in a matrix product, once each x has served its R S K products and each w its N P Q
// from registers or shared memory. The bounds are those of matrix_product.cu: 4 multiply-adds per float read from shared memory.
#include "benchmarks/ladder/ladder.h"
#include "core/gpu/launch.h"
#include "kernels/conv2d_checks.h"

namespace pliant::ladder {

namespace {

using kernels::Conv2dSizes;

constexpr int kWarps = 8, kFilters = 32, kChannels = 16;  // steps 2 and 3: a block's pixels (or strips), filters, channels of a slice
constexpr int kPixels = 32, kDepth = 8, kEach = 4;        // step 4: pixels of a row of y, channels of a slice, results per side of a thread
constexpr int kPadded = kFilters + 4;                     // the filters' row in shared memory there: whole quads, fewer bank conflicts

// The element of row h (already inside the image) at column `column`, or 0 where the padding is.
__device__ inline float at_column(const float* row, const Conv2dSizes& z, int column, int c) {
  return column < 0 || column >= z.w ? 0.0f : row[static_cast<std::int64_t>(column) * z.c + c];
}

// 1. outputs. One thread per value of y, neighbours on neighbouring filters. A warp shares its element of x, and fetches 32 elements
// of w that lie R S C floats apart: 33 sectors for 32 multiply-adds, and two loads for each multiply-add of a thread. The caches
// hold w (147 KB here), so it is their rate that counts: at best one warp's load of 32 sectors in 8 clocks (128 bytes each) against a
// quarter of a clock of arithmetic, 3 % of the peak.
__global__ void direct_outputs_kernel(const float* x, const float* w, const float* bias, Conv2dSizes z, float* y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x, pixel = i / z.k, n = pixel / z.q / z.p;
  if (n >= z.n) return;
  const int k = static_cast<int>(i % z.k), q = static_cast<int>(pixel % z.q), p = static_cast<int>(pixel / z.q % z.p);
  float sum = bias ? bias[k] : 0.0f;
  for (int r = 0; r < z.r; ++r) {
    const int h = p * z.stride - z.padding + r * z.dilation;
    if (h < 0 || h >= z.h) continue;
    const float* row = x + (n * z.h + h) * z.w * z.c;
    for (int s = 0; s < z.s; ++s) {
      const int column = q * z.stride - z.padding + s * z.dilation;
      const float* filter = w + ((static_cast<std::int64_t>(k) * z.r + r) * z.s + s) * z.c;
      for (int c = 0; c < z.c; ++c) sum += at_column(row, z, column, c) * filter[c];
    }
  }
  y[i] = sum;
}

// 2. shared_filters (kStrip = 1). A block of 8 warps takes 32 filters and 8 pixels, a lane per filter and a warp per pixel. Slices of
// the filters, one tap and 16 channels, are staged in shared memory, turned so that lanes read neighbours: fetched along c, whole
// sectors, once for 8 pixels. x stays a broadcast from the cache. Two loads of one clock each per multiply-add of a warp: an eighth
// of the peak, if nothing else stood between.
//
// 3. strips (kStrip = 8). A warp takes 8 neighbouring pixels of a row: a float of the filters, once in a register, serves 8
// multiply-adds, and a slice serves 64 pixels instead of 8. Loads per multiply-add: 1 of x and 1/8 of w. The broadcasts of x, one
// clock for a quarter of arithmetic, are now the limit: at most 2 / (9/8) = 1.8 times as fast as step 2. To do better, each x too
// must serve several filters of one thread.
template <int kStrip>
__global__ void direct_strips_kernel(const float* x, const float* w, const float* bias, Conv2dSizes z, float* y) {
  __shared__ float slice[kChannels][kFilters + 1];  // [channel][filter]
  const int lane = static_cast<int>(threadIdx.x), warp = static_cast<int>(threadIdx.y), thread = warp * kFilters + lane;
  const int k = static_cast<int>(blockIdx.y) * kFilters + lane, strips = (z.q + kStrip - 1) / kStrip;
  const std::int64_t strip = static_cast<std::int64_t>(blockIdx.x) * kWarps + warp, n = strip / strips / z.p;
  const int p = static_cast<int>(strip / strips % z.p), q = static_cast<int>(strip % strips) * kStrip;
  float sum[kStrip] = {};
  for (int tap = 0; tap < z.r * z.s; ++tap) {
    const int h = p * z.stride - z.padding + tap / z.s * z.dilation, column = q * z.stride - z.padding + tap % z.s * z.dilation;
    const bool inside = n < z.n && h >= 0 && h < z.h;
    const float* row = inside ? x + (n * z.h + h) * z.w * z.c : x;
    for (int first = 0; first < z.c; first += kChannels) {
      for (int e = thread; e < kChannels * kFilters; e += kWarps * kFilters) {
        const int c = first + e % kChannels, filter = static_cast<int>(blockIdx.y) * kFilters + e / kChannels;
        slice[e % kChannels][e / kChannels] =
            c < z.c && filter < z.k ? w[(static_cast<std::int64_t>(filter) * z.r * z.s + tap) * z.c + c] : 0.0f;
      }
      __syncthreads();
      const int channels = z.c - first < kChannels ? z.c - first : kChannels;
      for (int c = 0; c < channels && inside; ++c) {
        const float weight = slice[c][lane];
#pragma unroll
        for (int j = 0; j < kStrip; ++j) sum[j] += weight * at_column(row, z, column + j * z.stride, first + c);
      }
      __syncthreads();
    }
  }
  if (n >= z.n || k >= z.k) return;
#pragma unroll
  for (int j = 0; j < kStrip; ++j) {
    if (q + j < z.q) y[((n * z.p + p) * z.q + q + j) * z.k + k] = bias ? sum[j] + bias[k] : sum[j];
  }
}

// 4. rows. 4 pixels x 4 filters per thread, as in the matrix product: 4 loads of x and one quad of filters from shared memory, at best
// 5 clocks, for 16 multiply-adds of a warp, 4 clocks: up to 80 % of the peak. A block of 64 threads takes 32 pixels of one row of y
// and 32 filters, and stages 8 channels of the row of x below tap row r with its edges, and the S taps of the filters that read it.
// Here lies what is special to the direct form: one staged row of x serves S taps, so x is fetched R times instead of R S times, 3
// instead of 9, where an implicit product stages each tap anew. Its weakness: 32 pixels of one row, so with rows of 8 pixels three
// quarters of the threads idle, and every size of image wants a tile of its own. The implicit product counts all pixels of all
// images in one row, and loses nothing at their edges. Beside tensor cores cuDNN has transforms: Winograd's F(2x2, 3x3) needs 16
// multiplications where the formula has 36.
//   dynamic shared memory: image [kDepth][width], width = (kPixels - 1) stride + (S - 1) dilation + 1; filters [kDepth][S][kPadded]
__global__ void direct_rows_kernel(const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ bias, Conv2dSizes z,
                                   int width, float* __restrict__ y) {
  float* image = dynamic_shared<float>();
  float* filters = image + kDepth * width;
  const int thread = static_cast<int>(threadIdx.x), segments = (z.q + kPixels - 1) / kPixels;
  const int k = static_cast<int>(blockIdx.y) * kFilters, q = static_cast<int>(blockIdx.x) % segments * kPixels;
  const int p = static_cast<int>(blockIdx.x) / segments % z.p;
  const std::int64_t n = static_cast<std::int64_t>(blockIdx.x) / segments / z.p;
  const int pixel = thread / 8 * kEach, filter = thread % 8 * kEach;
  const bool active = q + pixel < z.q && k + filter < z.k;
  float sum[kEach][kEach] = {};
  for (int r = 0; r < z.r; ++r) {
    const int h = p * z.stride - z.padding + r * z.dilation;
    if (h < 0 || h >= z.h) continue;  // for the whole block: it works on one row
    const float* row = x + (n * z.h + h) * z.w * z.c;
    for (int first = 0; first < z.c; first += kDepth) {
      for (int e = thread; e < kDepth * width; e += 64) {
        const int c = first + e % kDepth, column = q * z.stride - z.padding + e / kDepth;
        image[e % kDepth * width + e / kDepth] = c < z.c ? at_column(row, z, column, c) : 0.0f;
      }
      for (int e = thread; e < kDepth * z.s * kFilters; e += 64) {
        const int c = first + e % kDepth, s = e / kDepth % z.s, at = e / kDepth / z.s;
        filters[(e % kDepth * z.s + s) * kPadded + at] =
            c < z.c && k + at < z.k ? w[((static_cast<std::int64_t>(k + at) * z.r + r) * z.s + s) * z.c + c] : 0.0f;
      }
      __syncthreads();
      for (int e = 0; e < kDepth * z.s && active; ++e) {
        const float* from = image + e / z.s * width + pixel * z.stride + e % z.s * z.dilation;
        const float4 quad = load4(filters + e * kPadded + filter);
        const float weights[kEach] = {quad.x, quad.y, quad.z, quad.w};
#pragma unroll
        for (int i = 0; i < kEach; ++i) {
          const float value = from[i * z.stride];
#pragma unroll
          for (int j = 0; j < kEach; ++j) sum[i][j] += value * weights[j];
        }
      }
      __syncthreads();
    }
  }
#pragma unroll
  for (int i = 0; i < kEach; ++i) {
#pragma unroll
    for (int j = 0; j < kEach; ++j) {
      if (q + pixel + i >= z.q || k + filter + j >= z.k) continue;
      const float value = bias ? sum[i][j] + bias[k + filter + j] : sum[i][j];
      y[((n * z.p + p) * z.q + q + pixel + i) * z.k + k + filter + j] = value;
    }
  }
}

Conv2dSizes check(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, const Tensor& y) {
  const Conv2dSizes z = kernels::check_conv2d("conv2d", x, w, bias, y, geometry);
  PLIANT_REQUIRE(ConfigError, z.groups == 1, "the ladder's convolutions have one group, got ", z.groups);
  return z;
}

unsigned parts(std::int64_t size, std::int64_t part) { return static_cast<unsigned>((size + part - 1) / part); }

void outputs(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check(x, w, bias, geometry, y);
  launch_1d(direct_outputs_kernel, y.size(), x.context().stream(), x.data<float>(), w.data<float>(), bias ? bias.data<float>() : nullptr, z,
            y.data<float>());
}

template <int kStrip>
void strips(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check(x, w, bias, geometry, y);
  if (z.n == 0) return;
  const std::int64_t count = static_cast<std::int64_t>(z.n) * z.p * parts(z.q, kStrip);
  launch(direct_strips_kernel<kStrip>, dim3(parts(count, kWarps), parts(z.k, kFilters)), dim3(kFilters, kWarps), 0, x.context().stream(),
         x.data<float>(), w.data<float>(), bias ? bias.data<float>() : nullptr, z, y.data<float>());
}

void rows(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check(x, w, bias, geometry, y);
  if (z.n == 0) return;
  const std::int64_t width = (kPixels - 1) * std::int64_t{z.stride} + (z.s - 1) * std::int64_t{z.dilation} + 1;
  const std::int64_t bytes = 4 * kDepth * (width + z.s * std::int64_t{kPadded});
  PLIANT_REQUIRE(ConfigError, bytes <= 48 * 1024, "conv2d: a row of this geometry takes ", bytes, " bytes of shared memory, 49152 are there");
  launch(direct_rows_kernel, dim3(static_cast<unsigned>(z.n * z.p) * parts(z.q, kPixels), parts(z.k, kFilters)), dim3(64),
         static_cast<std::size_t>(bytes), x.context().stream(), x.data<float>(), w.data<float>(), bias ? bias.data<float>() : nullptr, z,
         static_cast<int>(width), y.data<float>());
}

}  // namespace

std::vector<Step<Convolution>> direct_steps() {
  return {{"outputs", outputs}, {"shared_filters", strips<1>}, {"strips", strips<8>}, {"rows", rows}};
}

}  // namespace pliant::ladder
