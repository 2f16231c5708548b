// Sums, arg-max and counts. The sum reads x once: blocks write partial sums, one block adds them in a fixed order.
// Sums of segments: one block each. Arg-max: one warp per row, x read once. Counts use integer atomics, which give the same number in any order.
// Deterministic.
#include "kernels/reduce.h"

#include <algorithm>

#include "core/gpu/launch.h"
#include "kernels/gpu/warp_argmax.cuh"
#include "kernels/reduce_checks.h"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kThreads = 256, kWarps = 4;
constexpr std::int64_t kElementsPerBlock = 4096, kMostBlocks = 512;

// partial[b] = sum of every x[i] that falls to block b.  x [size], partial [gridDim]
__global__ void partial_sum_kernel(const float* x, std::int64_t size, float* partial) {
  float sum = 0.0f;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size; i += step)
    sum += x[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// partial[b] = sum of every a[i] c[i] that falls to block b.  a, c [size], partial [gridDim]
template <class T>
__global__ void partial_dot_kernel(const T* a, const T* c, std::int64_t size, float* partial) {
  float sum = 0.0f;
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * blockDim.x;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x; i < size; i += step)
    sum += to_float(a[i]) * to_float(c[i]);
  sum = block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// y[0] += factor (sum of x).  One block; x [size]
__global__ void add_sum_kernel(const float* x, std::int64_t size, float factor, float* y) {
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < size; i += blockDim.x) sum += x[i];
  sum = block_sum(sum);
  if (threadIdx.x == 0) y[0] += factor * sum;
}

__global__ void broadcast_kernel(const float* x, float factor, float* y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = factor * x[0];
}

// sums[s] += the sum of |x| over the elements 64 starts[s] to 64 starts[s + 1] - 1.  Block s; x [64 segments]
__global__ void segment_abs_sums_kernel(const float* x, std::int64_t segments, const std::int32_t* starts,
                                        float* sums) {
  const std::int64_t first = starts[blockIdx.x], last = starts[blockIdx.x + 1];
  const bool valid = first >= 0 && first <= last && last <= segments;
  float sum = 0.0f;
  if (valid) {
    for (std::int64_t i = first * kArenaSegment + threadIdx.x; i < last * kArenaSegment; i += blockDim.x)
      sum += fabsf(x[i]);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) sums[blockIdx.x] = valid ? sums[blockIdx.x] + sum : nanf("");
}

// x [n, c], y [n]; one warp per row
__global__ void argmax_kernel(const float* x, std::int64_t n, std::int32_t c, std::int32_t* y) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= n) return;
  const std::int32_t at = warp_argmax(x + row * c, c);
  if (threadIdx.x % 32 == 0) y[row] = at;
}

// x [n, c], labels [n]; one warp per row
__global__ void count_correct_kernel(const float* x, const std::int32_t* labels, std::int64_t n, std::int32_t c,
                                     std::int32_t* count) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= n) return;
  const std::int32_t at = warp_argmax(x + row * c, c);
  if (threadIdx.x % 32 == 0 && at == labels[row]) atomicAdd(count, 1);
}

// x [n, c], labels [n]; one warp per row counts who comes before the label
__global__ void count_top_kernel(const float* x, const std::int32_t* labels, std::int64_t n, std::int32_t c, std::int32_t k,
                                 std::int32_t* count) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= n) return;
  const std::int32_t label = labels[row];
  if (label < 0 || label >= c) return;
  const float* values = x + row * c;
  const float own = values[label];
  float before = 0.0f;  // exact up to 2^24 classes
  for (auto j = static_cast<std::int32_t>(threadIdx.x % 32); j < c; j += 32) before += wins(values[j], j, own, label) ? 1.0f : 0.0f;
  before = warp_sum(before);
  if (threadIdx.x % 32 == 0 && before < static_cast<float>(k)) atomicAdd(count, 1);
}

std::int64_t blocks_of_sum(std::int64_t size) { return std::min((size + kElementsPerBlock - 1) / kElementsPerBlock, kMostBlocks); }

dim3 warp_grid(std::int64_t rows) { return dim3(static_cast<unsigned>((rows + kWarps - 1) / kWarps)); }

}  // namespace

void accumulate_sum(const Tensor& x, double factor, Tensor& y) {
  check_accumulate_sum(x, y);
  const std::int64_t size = x.size();
  if (size <= kElementsPerBlock) {
    launch(add_sum_kernel, dim3(1), dim3(kThreads), 0, x.context().stream(), x.data<float>(), size, factor,
           y.data<float>());
    return;
  }
  const std::int64_t blocks = blocks_of_sum(size);
  Tensor partial(x.context(), {blocks});
  launch(partial_sum_kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, x.context().stream(),
         x.data<float>(), size, partial.data<float>());
  launch(add_sum_kernel, dim3(1), dim3(kThreads), 0, x.context().stream(), partial.data<float>(), blocks, factor,
         y.data<float>());
}

void accumulate_dot(const Tensor& a, const Tensor& b, Tensor& y) {
  check_accumulate_dot(a, b, y);
  if (a.size() == 0) return;
  const std::int64_t blocks = blocks_of_sum(a.size());
  Tensor partial(a.context(), {blocks});
  dispatch_gpu(a.dtype(), "accumulate_dot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(partial_dot_kernel<T>, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, a.context().stream(), a.data<T>(),
           b.data<T>(), a.size(), partial.data<float>());
  });
  launch(add_sum_kernel, dim3(1), dim3(kThreads), 0, a.context().stream(), partial.data<float>(), blocks, 1.0,
         y.data<float>());
}

void broadcast(const Tensor& x, double factor, Tensor& y) {
  check_broadcast(x, y);
  launch_1d(broadcast_kernel, y.size(), y.context().stream(), x.data<float>(), factor, y.data<float>(), y.size());
}

void argmax(const Tensor& x, Tensor& y) {
  check_argmax(x, y);
  if (x.size() == 0) return;
  launch(argmax_kernel, warp_grid(x.shape()[0]), dim3(32 * kWarps), 0, x.context().stream(), x.data<float>(),
         x.shape()[0], x.shape()[1], y.data<std::int32_t>());
}

void count_correct(const Tensor& logits, const Tensor& labels, Tensor& count) {
  check_count_correct(logits, labels, count);
  if (logits.size() == 0) return;
  launch(count_correct_kernel, warp_grid(logits.shape()[0]), dim3(32 * kWarps), 0, logits.context().stream(),
         logits.data<float>(), labels.data<std::int32_t>(), logits.shape()[0], logits.shape()[1],
         count.data<std::int32_t>());
}

void count_top(const Tensor& logits, const Tensor& labels, int k, Tensor& count) {
  check_count_top(logits, labels, k, count);
  if (logits.size() == 0) return;
  launch(count_top_kernel, warp_grid(logits.shape()[0]), dim3(32 * kWarps), 0, logits.context().stream(), logits.data<float>(),
         labels.data<std::int32_t>(), logits.shape()[0], logits.shape()[1], k, count.data<std::int32_t>());
}

void segment_abs_sums(const Tensor& x, const Tensor& starts, Tensor& sums) {
  check_segment_abs_sums(x, starts, sums);
  if (sums.size() == 0) return;
  launch(segment_abs_sums_kernel, dim3(static_cast<unsigned>(sums.size())), dim3(kThreads), 0, x.context().stream(),
         x.data<float>(), x.size() / kArenaSegment, starts.data<std::int32_t>(), sums.data<float>());
}

}  // namespace pliant::kernels::gpu
