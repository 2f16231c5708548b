// Batch normalisation in training, five times.    x, y [rows, C] f32, statistics over the rows of each channel:
//   y = f(scale (x - mean) / sqrt(variance + epsilon) + shift + residual), and the running statistics move by momentum.
// A handful of operations per value: memory is the limit. The floor of a version that may not keep x on the chip is 12 bytes a
// value: x read for the statistics, x read again, y written (16 with a residual). Where x fits into the L2 cache the second
// reading comes from there. All versions sum in a fixed order.
#include "benchmarks/ladder/ladder.h"
#include "kernels/batch_norm_checks.h"
#include "kernels/gpu/channel_tiles.cuh"
#include "kernels/gpu/warp.cuh"

namespace pliant::ladder {

namespace {

using namespace kernels::gpu;  // tiles of channels, sums of blocks

struct Normalisation {
  const float *x, *residual, *scale, *shift;                          // [rows, C], the same or null; [C], [C]
  float *running_mean, *running_variance, *mean, *inverse_deviation;  // [C]
  float* y;                                                           // [rows, C]
  std::int64_t rows, channels;
  float momentum, epsilon;
  bool relu;
};

__device__ inline float normalised(const Normalisation& n, std::int64_t at, std::int64_t c, float mean, float inverse) {
  const float value = n.scale[c] * inverse * (n.x[at] - mean) + n.shift[c] + (n.residual ? n.residual[at] : 0.0f);
  return n.relu && value < 0.0f ? 0.0f : value;
}

// Writes the statistics of channel c; squares: the sum of squared deviations.
__device__ inline float finish_channel(const Normalisation& n, std::int64_t c, float mean, float squares) {
  const float inverse = 1.0f / sqrtf(squares / static_cast<float>(n.rows) + n.epsilon);
  n.mean[c] = mean;
  n.inverse_deviation[c] = inverse;
  n.running_mean[c] = (1.0f - n.momentum) * n.running_mean[c] + n.momentum * mean;
  n.running_variance[c] = (1.0f - n.momentum) * n.running_variance[c] + n.momentum * (squares / static_cast<float>(n.rows - 1));
  return inverse;
}

// 1. threads. One thread per channel, three walks down the rows. Neighbouring lanes read neighbouring channels, so every byte that
// is fetched is used: 16 bytes a value (x three times, y once). But C threads are all there is: 64 channels are two warps on one
// multiprocessor, with one load of 128 bytes under way each. At a latency of 0.7 microseconds that is 2 x 128 B / 0.7 us = 0.4 GB/s
// for the walk of the first sum, a ten-thousandth of the card.
__global__ void norm_threads_kernel(Normalisation n) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= n.channels) return;
  float sum = 0.0f, squares = 0.0f;
  for (std::int64_t row = 0; row < n.rows; ++row) sum += n.x[row * n.channels + c];
  const float mean = sum / static_cast<float>(n.rows);
  for (std::int64_t row = 0; row < n.rows; ++row) {
    const float distance = n.x[row * n.channels + c] - mean;
    squares += distance * distance;
  }
  const float inverse = finish_channel(n, c, mean, squares);
  for (std::int64_t row = 0; row < n.rows; ++row) {
    const std::int64_t at = row * n.channels + c;
    n.y[at] = normalised(n, at, c, mean, inverse);
  }
}

// 2. blocks. One block per channel, its 256 threads share the rows: C blocks instead of C threads. This is the natural kernel where
// a channel's values lie together (NCHW). Here they lie C floats apart: each lane touches a sector of 32 bytes of its own and uses 4
// of them, so from 8 channels on the four walks ask for 4 x 32 = 128 bytes a value, as far as no other block of the same sectors
// finds them in the cache; and with 16 channels 16 of 132 multiprocessors work.
__global__ void norm_blocks_kernel(Normalisation n) {
  const std::int64_t c = blockIdx.x;
  float sum = 0.0f, squares = 0.0f;
  for (std::int64_t row = threadIdx.x; row < n.rows; row += blockDim.x) sum += n.x[row * n.channels + c];
  const float mean = block_sum(sum) / static_cast<float>(n.rows);
  for (std::int64_t row = threadIdx.x; row < n.rows; row += blockDim.x) {
    const float distance = n.x[row * n.channels + c] - mean;
    squares += distance * distance;
  }
  squares = block_sum(squares);
  const float inverse = 1.0f / sqrtf(squares / static_cast<float>(n.rows) + n.epsilon);
  if (threadIdx.x == 0) finish_channel(n, c, mean, squares);
  for (std::int64_t row = threadIdx.x; row < n.rows; row += blockDim.x) {
    const std::int64_t at = row * n.channels + c;
    n.y[at] = normalised(n, at, c, mean, inverse);
  }
}

// 3. tiles. Lanes on neighbouring channels and the rows cut into chunks, one block per chunk and group of channels
// (kernels/gpu/channel_tiles.cuh): whole sectors and the whole card. A sum over all rows now spans blocks, so it takes a launch to
// write partial sums and one to join them; the mean first, then the squared deviations from it, then y: 5 launches and still
// 16 bytes a value. That is 12/16 of the floor's rate, 75 % of a copy.
//   partial [chunks, C] = sums over the chunk of x, or with kSquares of (x - mean)^2
template <bool kSquares>
__global__ void norm_partial_kernel(Normalisation n, Tiles t, float* partial) {
  __shared__ float sums[kTileThreads];
  const Share s = share_of<1>(t);
  const bool active = s.channel < t.channels;
  float sum = 0.0f;
  const float mean = kSquares && active ? n.mean[s.channel] : 0.0f;
  for (std::int64_t row = s.begin; active && row < s.end; row += s.lanes) {
    const float value = n.x[row * t.channels + s.channel] - mean;
    sum += kSquares ? value * value : value;
  }
  sums[s.slot] = sum;
  join_lanes(s, [&](int slot, int other) { sums[slot] += sums[other]; });
  if (s.lane == 0 && active) partial[blockIdx.y * t.channels + s.channel] = sums[s.slot];
}

// t: the matrix of chunks [chunks, C], one block per group of channels.
template <bool kSquares>
__global__ void norm_join_kernel(Normalisation n, const float* partial, Tiles t) {
  __shared__ float sums[kTileThreads];
  const Share s = share_of<1>(t);
  const bool active = s.channel < t.channels;
  float sum = 0.0f;
  for (std::int64_t chunk = s.begin; active && chunk < s.end; chunk += s.lanes) sum += partial[chunk * t.channels + s.channel];
  sums[s.slot] = sum;
  join_lanes(s, [&](int slot, int other) { sums[slot] += sums[other]; });
  if (s.lane > 0 || !active) return;
  if (kSquares) {
    finish_channel(n, s.channel, n.mean[s.channel], sums[s.slot]);
  } else {
    n.mean[s.channel] = sums[s.slot] / static_cast<float>(n.rows);
  }
}

// 4. one_pass (V = 1). Both sums in one reading, of d = x - x[0, c] and of d^2: mean = x[0, c] + sum d / m, squares = sum d^2 -
// (sum d)^2 / m. Without the shift by a value of the channel that difference would cancel where the mean is large beside the
// deviation; Pliant's own kernel goes further and joins moments (Chan, Golub, LeVeque), which stands even a first row that is far off.
// 3 launches, 12 bytes a value: the floor. What is left are instructions and bytes under way, one load of 4 bytes per thread.
//
// 5. vectors (V = 4). The same with 4 channels and 16 bytes per load, four rows unrolled: 64 bytes under way per thread, a quarter of
// the instructions, and scale, shift and mean stay in registers down the rows. Expected: the rate of a copy over 12 bytes a value.
// Beyond it lies keeping a chunk in shared memory between the two passes, 8 bytes a value, which needs all blocks to wait for one
// another inside a launch; and leaving the statistics to the convolution that writes x.
//   partial [chunks, 2, C]
template <int V>
__global__ void norm_moments_kernel(const float* __restrict__ x, Tiles t, float* __restrict__ partial) {
  __shared__ float sums[2 * V][kTileThreads];
  const Share s = share_of<V>(t);
  const bool active = s.channel < t.channels;
  const Values<V> origin = active ? load_values<V>(x + s.channel) : Values<V>{};
  Values<V> first{}, second{};
#pragma unroll 4
  for (std::int64_t row = active ? s.begin : s.end; row < s.end; row += s.lanes) {
    const Values<V> value = load_values<V>(x + row * t.channels + s.channel);
    for (int v = 0; v < V; ++v) {
      const float distance = value.at[v] - origin.at[v];
      first.at[v] += distance;
      second.at[v] += distance * distance;
    }
  }
  for (int v = 0; v < V; ++v) sums[v][s.slot] = first.at[v], sums[V + v][s.slot] = second.at[v];
  join_lanes(s, [&](int slot, int other) {
    for (int v = 0; v < 2 * V; ++v) sums[v][slot] += sums[v][other];
  });
  if (s.lane > 0 || !active) return;
  float* chunk = partial + blockIdx.y * 2 * t.channels + s.channel;
  for (int v = 0; v < V; ++v) chunk[v] = sums[v][s.slot], chunk[t.channels + v] = sums[V + v][s.slot];
}

__global__ void norm_statistics_kernel(Normalisation n, const float* partial, Tiles t) {  // t: of chunks, as above
  __shared__ float sums[2][kTileThreads];
  const Share s = share_of<1>(t);
  const bool active = s.channel < t.channels;
  float first = 0.0f, second = 0.0f;
  for (std::int64_t chunk = s.begin; active && chunk < s.end; chunk += s.lanes) {
    first += partial[2 * chunk * t.channels + s.channel];
    second += partial[(2 * chunk + 1) * t.channels + s.channel];
  }
  sums[0][s.slot] = first, sums[1][s.slot] = second;
  join_lanes(s, [&](int slot, int other) { sums[0][slot] += sums[0][other], sums[1][slot] += sums[1][other]; });
  if (s.lane > 0 || !active) return;
  const float offset = sums[0][s.slot] / static_cast<float>(n.rows), squares = sums[1][s.slot] - sums[0][s.slot] * offset;
  finish_channel(n, s.channel, n.x[s.channel] + offset, squares < 0.0f ? 0.0f : squares);
}

template <int V>
__global__ void norm_apply_kernel(Normalisation n, Tiles t) {
  const Share s = share_of<V>(t);
  if (s.channel >= t.channels) return;
  Values<V> centre, factor, offset;
  for (int v = 0; v < V; ++v) {
    const std::int64_t c = s.channel + v;
    centre.at[v] = n.mean[c], factor.at[v] = n.scale[c] * n.inverse_deviation[c], offset.at[v] = n.shift[c];
  }
#pragma unroll 4
  for (std::int64_t row = s.begin; row < s.end; row += s.lanes) {
    const std::int64_t at = row * t.channels + s.channel;
    Values<V> value = load_values<V>(n.x + at);
    const Values<V> added = n.residual ? load_values<V>(n.residual + at) : Values<V>{};
    for (int v = 0; v < V; ++v) {
      const float one = factor.at[v] * (value.at[v] - centre.at[v]) + offset.at[v] + added.at[v];
      value.at[v] = n.relu && one < 0.0f ? 0.0f : one;
    }
    store_values<V>(n.y + at, value);
  }
}

unsigned blocks_of(std::int64_t threads) { return static_cast<unsigned>((threads + kTileThreads - 1) / kTileThreads); }

void with_threads(const Normalisation& n, Context& context) {
  launch(norm_threads_kernel, dim3(blocks_of(n.channels)), dim3(kTileThreads), 0, context.stream(), n);
}

void with_blocks(const Normalisation& n, Context& context) {
  launch(norm_blocks_kernel, dim3(static_cast<unsigned>(n.channels)), dim3(kTileThreads), 0, context.stream(), n);
}

void with_tiles(const Normalisation& n, Context& context) {
  const Tiles t = tiles_of(n.rows, n.channels, 1, 8, 1024);
  const gpu::Stream stream = context.stream();
  Tensor partial(context, {t.chunks, n.channels});
  const Tiles joining = tiles_of(t.chunks, n.channels, 1, 1, 1);
  launch(norm_partial_kernel<false>, t.grid(), t.block(), 0, stream, n, t, partial.data<float>());
  launch(norm_join_kernel<false>, joining.grid(), joining.block(), 0, stream, n, partial.data<float>(), joining);
  launch(norm_partial_kernel<true>, t.grid(), t.block(), 0, stream, n, t, partial.data<float>());
  launch(norm_join_kernel<true>, joining.grid(), joining.block(), 0, stream, n, partial.data<float>(), joining);
  const Tiles all = tiles_of(n.rows, n.channels, 1, 4, 1 << 16);
  launch(norm_apply_kernel<1>, all.grid(), all.block(), 0, stream, n, all);
}

template <int V>
void in_one_pass(const Normalisation& n, Context& context) {
  const Tiles t = tiles_of(n.rows, n.channels, V, 8, 1024), all = tiles_of(n.rows, n.channels, V, 4, 1 << 16);
  Tensor partial(context, {t.chunks, 2, n.channels});
  launch(norm_moments_kernel<V>, t.grid(), t.block(), 0, context.stream(), n.x, t, partial.data<float>());
  const Tiles joining = tiles_of(t.chunks, n.channels, 1, 1, 1);
  launch(norm_statistics_kernel, joining.grid(), joining.block(), 0, context.stream(), n, partial.data<float>(), joining);
  launch(norm_apply_kernel<V>, all.grid(), all.block(), 0, context.stream(), n, all);
}

void in_vectors(const Normalisation& n, Context& context) {
  vector_of(n.channels, {n.x, n.residual, n.y}) == 4 ? in_one_pass<4>(n, context) : in_one_pass<1>(n, context);
}

template <void (*run)(const Normalisation&, Context&)>
void step(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f, double momentum, double epsilon,
          Tensor& running_mean, Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& y) {
  const kernels::ChannelRows sizes = kernels::check_batch_norm_train(x, scale, shift, residual, f, momentum, epsilon, running_mean,
                                                                     running_variance, mean, inverse_deviation, y);
  run({x.data<float>(), residual ? residual.data<float>() : nullptr, scale.data<float>(), shift.data<float>(), running_mean.data<float>(),
       running_variance.data<float>(), mean.data<float>(), inverse_deviation.data<float>(), y.data<float>(), sizes.rows, sizes.channels,
       static_cast<float>(momentum), static_cast<float>(epsilon), f == Activation::relu},
      x.context());
}

}  // namespace

std::vector<Step<BatchNorm>> batch_norm_steps() {
  return {{"threads", step<with_threads>},
          {"blocks", step<with_blocks>},
          {"tiles", step<with_tiles>},
          {"one_pass", step<in_one_pass<1>>},
          {"vectors", step<in_vectors>}};
}

}  // namespace pliant::ladder
