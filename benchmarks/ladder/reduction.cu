// The sum of an array, five times.     y [1] = y + factor (sum of x), x [n] f32
// Every version has to read 4 n bytes and does n additions: a quarter of an operation per byte, so memory is the limit and the
// time of reading x once, at the rate of a copy, is the floor. All of them add in a fixed order: the same bits every time.
// What none of them does: finish in one launch. The last block to arrive could add the partial sums, but that needs an order
// between blocks (a fence), which the kernels here do without; a second launch costs a few microseconds and cannot be wrong.
#include <algorithm>

#include "benchmarks/ladder/ladder.h"
#include "core/gpu/launch.h"
#include "kernels/gpu/warp.cuh"
#include "kernels/reduce_checks.h"

namespace pliant::ladder {

namespace {

constexpr int kThreads = 256, kInFlight = 4;
constexpr std::int64_t kMostBlocks = 1024;

// 1. interleaved. One element per thread, then a tree in shared memory whose pairs lie next to each other: in round d the threads
// whose index is a multiple of 2 d add. Every warp stays busy until the last rounds with most of its lanes idle: of 8 rounds
// x 8 warps = 64 warp instructions, 8 + 8 + 8 + 8 + 8 + 4 + 2 + 1 = 47 are issued, where 8 would do for 255 additions. The
// remainder that picks the threads costs more than the addition. And there are 8 barriers for each kilobyte that is read: while a
// block waits at them it has no load under way.
__global__ void sum_interleaved_kernel(const float* x, std::int64_t size, float* partial) {  // x [size], partial [gridDim]
  __shared__ float values[kThreads];
  const int t = static_cast<int>(threadIdx.x);
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + t;
  values[t] = i < size ? x[i] : 0.0f;
  for (int distance = 1; distance < kThreads; distance *= 2) {
    __syncthreads();
    if (t % (2 * distance) == 0) values[t] += values[t + distance];
  }
  if (t == 0) partial[blockIdx.x] = values[0];
}

// 2. halves. The same tree folded: thread t adds element t + half to element t. The busy threads are neighbours, so whole warps
// drop out (4 + 2 + 1 + 5 = 12 warp instructions instead of 47), and no remainder is left. (Fewer threads with wider gaps, t adds
// element 2 d t + d, would also fill the warps, but its lanes meet in the same banks of shared memory.) What stays is that a thread
// loads 4 bytes in its life: 8 barriers per kilobyte, and one block of launch and index work for each.
__global__ void sum_halves_kernel(const float* x, std::int64_t size, float* partial) {
  __shared__ float values[kThreads];
  const int t = static_cast<int>(threadIdx.x);
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + t;
  values[t] = i < size ? x[i] : 0.0f;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) values[t] += values[t + half];
  }
  if (t == 0) partial[blockIdx.x] = values[0];
}

// 3. strided. As many blocks as the card can hold, no more: each thread walks through x in steps of the whole grid and sums in a
// register; the tree runs once per block instead of once per kilobyte. With n = 2^26 and 2^18 threads that is one tree per 256
// additions, and 1024 partial sums instead of 262144: the second launch has nothing left to do. From here on instructions are no
// longer the limit; bytes under way are. 2^18 threads with one load of 4 bytes each keep 1 MiB under way, unless the compiler
// unrolls the loop; a card that delivers 4 TB/s with a latency of, say, 0.7 microseconds needs 4 TB/s x 0.7 us = 2.8 MB (Little's law).
__global__ void sum_strided_kernel(const float* x, std::int64_t size, float* partial) {
  __shared__ float values[kThreads];
  const int t = static_cast<int>(threadIdx.x);
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  float sum = 0.0f;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + t; i < size; i += step) sum += x[i];
  values[t] = sum;
  for (int half = kThreads / 2; half > 0; half /= 2) {
    __syncthreads();
    if (t < half) values[t] += values[t + half];
  }
  if (t == 0) partial[blockIdx.x] = values[0];
}

// 4. shuffles. The tree through registers: a warp adds its 32 values in 5 shuffles, without shared memory and without a barrier,
// and 8 warps meet once. 2 barriers per block instead of 8. On a long array this is a small share of the time, and the gain is
// as small; where rows are short (a softmax, a norm of 1000 values) the tree is most of the work, and so is the gain.
__global__ void sum_shuffles_kernel(const float* x, std::int64_t size, float* partial) {
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads;
  float sum = 0.0f;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x; i < size; i += step) sum += x[i];
  sum = kernels::gpu::block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// 5. vectors. Four loads of 16 bytes before the first addition: 64 bytes per thread under way instead of 4, 16 MiB on the card,
// several times what Little's law asks for, and a quarter of the load instructions. The four sums are independent, so an addition
// waits for no other. Expected: the rate of a copy, or a little above it, since nothing is written. x needs a 16-byte boundary;
// the up to 3 values behind the last four are added one by one.
__global__ void sum_vectors_kernel(const float* x, std::int64_t quads, std::int64_t size, float* partial) {  // quads = size / 4
  const std::int64_t step = static_cast<std::int64_t>(gridDim.x) * kThreads, thread = static_cast<std::int64_t>(blockIdx.x) * kThreads + threadIdx.x;
  float sums[kInFlight] = {};
  for (std::int64_t i = thread; i < quads; i += kInFlight * step) {
    float4 values[kInFlight];
#pragma unroll
    for (int j = 0; j < kInFlight; ++j) values[j] = i + j * step < quads ? load4(x + 4 * (i + j * step)) : float4{0.0f, 0.0f, 0.0f, 0.0f};
#pragma unroll
    for (int j = 0; j < kInFlight; ++j) sums[j] += (values[j].x + values[j].y) + (values[j].z + values[j].w);
  }
  float sum = (sums[0] + sums[1]) + (sums[2] + sums[3]);
  if (4 * quads + thread < size) sum += x[4 * quads + thread];
  sum = kernels::gpu::block_sum(sum);
  if (threadIdx.x == 0) partial[blockIdx.x] = sum;
}

// y[0] += factor (sum of partial).  One block; partial [count]
__global__ void sum_of_partials_kernel(const float* partial, std::int64_t count, float factor, float* y) {
  float sum = 0.0f;
  for (std::int64_t i = threadIdx.x; i < count; i += kThreads) sum += partial[i];
  sum = kernels::gpu::block_sum(sum);
  if (threadIdx.x == 0) y[0] += factor * sum;
}

std::int64_t blocks_for(std::int64_t elements) { return (elements + kThreads - 1) / kThreads; }

void finish(const Tensor& partial, double factor, Tensor& y) {
  launch(sum_of_partials_kernel, dim3(1), dim3(kThreads), 0, y.context().stream(), partial.data<float>(), partial.size(), factor,
         y.data<float>());
}

// Level by level, each 256 times smaller, until one block can add what is left.
template <class Kernel>
void sum_in_levels(Kernel* kernel, const Tensor& x, double factor, Tensor& y) {
  kernels::check_accumulate_sum(x, y);
  Tensor level = x.reshape({x.size()});
  while (level.size() > kThreads) {
    Tensor partial(x.context(), {blocks_for(level.size())});
    launch(kernel, dim3(static_cast<unsigned>(partial.size())), dim3(kThreads), 0, x.context().stream(), level.data<float>(),
           level.size(), partial.data<float>());
    level = partial;
  }
  finish(level, factor, y);
}

template <class Kernel>
void sum_in_two(Kernel* kernel, const Tensor& x, double factor, Tensor& y) {
  kernels::check_accumulate_sum(x, y);
  if (x.size() == 0) return;
  Tensor partial(x.context(), {std::min(blocks_for(x.size()), kMostBlocks)});
  launch(kernel, dim3(static_cast<unsigned>(partial.size())), dim3(kThreads), 0, x.context().stream(), x.data<float>(), x.size(),
         partial.data<float>());
  finish(partial, factor, y);
}

void interleaved(const Tensor& x, double factor, Tensor& y) { sum_in_levels(sum_interleaved_kernel, x, factor, y); }
void halves(const Tensor& x, double factor, Tensor& y) { sum_in_levels(sum_halves_kernel, x, factor, y); }
void strided(const Tensor& x, double factor, Tensor& y) { sum_in_two(sum_strided_kernel, x, factor, y); }
void shuffles(const Tensor& x, double factor, Tensor& y) { sum_in_two(sum_shuffles_kernel, x, factor, y); }

void vectors(const Tensor& x, double factor, Tensor& y) {
  kernels::check_accumulate_sum(x, y);
  if (reinterpret_cast<std::uintptr_t>(x.data<float>()) % 16 != 0) return shuffles(x, factor, y);
  if (x.size() == 0) return;
  Tensor partial(x.context(), {std::min(blocks_for((x.size() + 3) / 4), kMostBlocks)});
  launch(sum_vectors_kernel, dim3(static_cast<unsigned>(partial.size())), dim3(kThreads), 0, x.context().stream(), x.data<float>(),
         x.size() / 4, x.size(), partial.data<float>());
  finish(partial, factor, y);
}

}  // namespace

std::vector<Step<Sum>> reduction_steps() {
  return {{"interleaved", interleaved}, {"halves", halves}, {"strided", strided}, {"shuffles", shuffles}, {"vectors", vectors}};
}

}  // namespace pliant::ladder
