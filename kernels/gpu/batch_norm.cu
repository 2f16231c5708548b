// Batch normalisation, forward.    y = f(scale (x - mean) / sqrt(variance + epsilon) + shift + residual), x, y [rows,
// C] f32, bf16 or f16, everything else in f32. Three kernels: partial moments of chunks of rows, their joining (and the running update), the normalisation.
// Reads x twice, writes y once, 12 bytes a value of f32, 16 with a residual; the second reading comes from the L2 cache where
// x fits. Bound by memory. Moments are kept as (count, mean, squared deviations) and joined after Chan, Golub and
// LeVeque (1979): no cancellation, however large the mean is beside the deviation. Deterministic: no atomics, fixed
// order. Where a convolution has left sums, the first two kernels are one that reads these alone.
#include "kernels/batch_norm.h"

#include "kernels/batch_norm_checks.h"
#include "kernels/elementwise_formulas.h"
#include "kernels/gpu/batch_norm_sums.h"
#include "kernels/gpu/channel_tiles.cuh"
#include "kernels/tensor_checks.h"

namespace pliant::kernels::gpu {

namespace {

struct Moments {
  float count, mean, squares;
};

__device__ Moments joined(const Moments& a, const Moments& b) {
  const float count = a.count + b.count;
  if (b.count == 0.0f || a.count == 0.0f) return b.count == 0.0f ? a : b;
  const float distance = b.mean - a.mean, share = b.count / count;
  return {count, a.mean + distance * share, a.squares + b.squares + distance * distance * a.count * share};
}

// partial [chunks, 2, C]: mean less x[0, c], and squared deviations, of each chunk. A thread sums around its own first
// row; means are kept relative to the first row of all, so that joining them does not round at the size of the mean.
template <int V, class T>
__global__ void partial_moments_kernel(const T* __restrict__ x,  // [rows, C]
                                       Tiles t, float* __restrict__ partial) {
  __shared__ Moments moments[V][kTileThreads];
  const Share s = share_of<V>(t);
  const bool active = s.channel < t.channels;
  Values<V> pivot{}, first{}, second{};
  float count = 0.0f;
  if (active && s.begin < s.end) {
    pivot = load_values<V>(x + s.begin * t.channels + s.channel);
    count = static_cast<float>((s.end - s.begin + s.lanes - 1) / s.lanes);
#pragma unroll 4
    for (std::int64_t row = s.begin + s.lanes; row < s.end; row += s.lanes) {
      const Values<V> value = load_values<V>(x + row * t.channels + s.channel);
      for (int v = 0; v < V; ++v) {
        const float distance = value.at[v] - pivot.at[v];
        first.at[v] += distance;
        second.at[v] += distance * distance;
      }
    }
  }
  const Values<V> origin = active ? load_values<V>(x + s.channel) : Values<V>{};
  for (int v = 0; v < V; ++v) {
    const float offset = count > 0.0f ? first.at[v] / count : 0.0f;
    const float squares = second.at[v] - first.at[v] * offset;
    moments[v][s.slot] = {count, (pivot.at[v] - origin.at[v]) + offset, squares < 0.0f ? 0.0f : squares};
  }
  join_lanes(s, [&](int slot, int other) {
    for (int v = 0; v < V; ++v) moments[v][slot] = joined(moments[v][slot], moments[v][other]);
  });
  if (s.lane > 0 || !active) return;
  float* chunk = partial + static_cast<std::int64_t>(blockIdx.y) * 2 * t.channels + s.channel;
  for (int v = 0; v < V; ++v) {
    chunk[v] = moments[v][s.slot].mean;
    chunk[t.channels + v] = moments[v][s.slot].squares;
  }
}

struct Statistics {  // [C] each; mean and variance, or mean and all the others
  float *running_mean, *running_variance, *mean, *inverse_deviation;
  float momentum, epsilon;
  float* variance = nullptr;
};

// Of a channel with m rows; squares: the sum of squared deviations from the mean.
__device__ void write_statistics(const Statistics& to, std::int64_t c, float mean, float squares, std::int64_t m) {
  const float variance = squares / static_cast<float>(m);
  to.mean[c] = mean;
  if (to.variance) {
    to.variance[c] = variance;
    return;
  }
  to.inverse_deviation[c] = 1.0f / sqrtf(variance + to.epsilon);
  to.running_mean[c] = (1.0f - to.momentum) * to.running_mean[c] + to.momentum * mean;
  to.running_variance[c] = (1.0f - to.momentum) * to.running_variance[c] + to.momentum * (squares / static_cast<float>(m - 1));
}

// Joins the chunks: t describes the matrix of chunks [chunks, C], one block per tile of channels.
template <class T>
__global__ void join_moments_kernel(const T* __restrict__ x,            // [rows, C], for its first row
                                    const float* __restrict__ partial,  // [chunks, 2, C]
                                    Tiles t, std::int64_t rows, std::int64_t rows_per_chunk, Statistics to) {
  __shared__ Moments moments[kTileThreads];
  const Share s = share_of<1>(t);
  const bool active = s.channel < t.channels;
  Moments own{0.0f, 0.0f, 0.0f};
  for (std::int64_t chunk = s.begin; active && chunk < s.end; chunk += s.lanes) {
    const std::int64_t left = rows - chunk * rows_per_chunk;
    const float* from = partial + chunk * 2 * t.channels + s.channel;
    own = joined(own, {static_cast<float>(left < rows_per_chunk ? left : rows_per_chunk), from[0], from[t.channels]});
  }
  moments[s.slot] = own;
  join_lanes(s, [&](int slot, int other) { moments[slot] = joined(moments[slot], moments[other]); });
  if (s.lane > 0 || !active) return;
  const Moments all = moments[s.slot];
  write_statistics(to, s.channel, to_float(x[s.channel]) + all.mean, all.squares, rows);
}

__global__ void statistics_of_sums_kernel(const float* __restrict__ sum, const float* __restrict__ sum_of_squares, std::int64_t channels,
                                          std::int64_t rows, Statistics to) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  const float mean = sum[c] / static_cast<float>(rows), squares = fmaf(-mean, sum[c], sum_of_squares[c]);
  write_statistics(to, c, mean, squares < 0.0f ? 0.0f : squares, rows);
}

// relu(factor x + offset) normalises x as its moments say, but for the rounding of both to T.
template <class T>
__global__ void affine_of_moments_kernel(const float* __restrict__ mean, const float* __restrict__ variance, const float* __restrict__ scale,
                                         const float* __restrict__ shift, float epsilon, std::int64_t channels, T* __restrict__ factor,
                                         T* __restrict__ offset) {
  const std::int64_t c = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (c >= channels) return;
  const float slope = scale[c] / sqrtf(variance[c] + epsilon);
  factor[c] = from_float<T>(slope);
  offset[c] = from_float<T>(fmaf(-slope, mean[c], shift[c]));
}

// spread: the inverse deviation, or with kVariance the variance. The mean is subtracted first: scale x - scale mean
// would cancel.
template <int V, class T, class Formula, bool kVariance>
__global__ void normalise_kernel(const T* __restrict__ x, const T* residual,                        // [rows, C]
                                 const float* __restrict__ scale, const float* __restrict__ shift,  // [C]
                                 const float* __restrict__ mean, const float* __restrict__ spread,  // [C]
                                 float epsilon, Tiles t, T* y) {
  const Share s = share_of<V>(t);
  if (s.channel >= t.channels) return;
  Values<V> centre, factor, offset;
  for (int v = 0; v < V; ++v) {
    const std::int64_t c = s.channel + v;
    centre.at[v] = mean[c];
    factor.at[v] = scale[c] * (kVariance ? 1.0f / sqrtf(spread[c] + epsilon) : spread[c]);
    offset.at[v] = shift[c];
  }
#pragma unroll 4
  for (std::int64_t row = s.begin; row < s.end; row += s.lanes) {
    const std::int64_t at = row * t.channels + s.channel;
    Values<V> value = load_values<V>(x + at);
    const Values<V> added = residual ? load_values<V>(residual + at) : Values<V>{};
    for (int v = 0; v < V; ++v) {
      value.at[v] = Formula::forward(factor.at[v] * (value.at[v] - centre.at[v]) + offset.at[v] + added.at[v]);
    }
    store_values<V>(y + at, value);
  }
}

template <bool kVariance>
void normalise(const Tensor& x, const Tensor& residual, const Tensor& scale, const Tensor& shift, const Tensor& mean,
               const Tensor& spread, double epsilon, Activation f, ChannelRows sizes, Tensor& y) {
  if (sizes.rows == 0) return;
  dispatch_gpu(x.dtype(), "batch_norm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* added = residual ? residual.data<T>() : nullptr;
    const int vector = vector_of<T>(sizes.channels, {x.data<T>(), added, y.data<T>()});
    const Tiles t = tiles_of(sizes.rows, sizes.channels, vector, 4, 1 << 16);
    dispatch_vector<T>(vector, [&](auto v) {
      constexpr int V = decltype(v)::value;
      const auto kernel =
          f == Activation::relu ? normalise_kernel<V, T, Relu, kVariance> : normalise_kernel<V, T, Identity, kVariance>;
      launch(kernel, t.grid(), t.block(), 0, x.context().stream(), x.data<T>(), added, scale.data<float>(), shift.data<float>(),
             mean.data<float>(), spread.data<float>(), epsilon, t, y.data<T>());
    });
  });
}

Statistics statistics_in(Tensor& running_mean, Tensor& running_variance, double momentum, double epsilon, Tensor& mean,
                         Tensor& inverse_deviation) {
  return {running_mean.data<float>(),      running_variance.data<float>(), mean.data<float>(),
          inverse_deviation.data<float>(), static_cast<float>(momentum),   static_cast<float>(epsilon)};
}
Statistics moments_in(Tensor& mean, Tensor& variance) { return {nullptr, nullptr, mean.data<float>(), nullptr, 0.0f, 0.0f, variance.data<float>()}; }

void take_moments(const Tensor& x, ChannelRows sizes, const Statistics& to) {
  const auto stream = x.context().stream();
  dispatch_gpu(x.dtype(), "batch_norm", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const int vector = vector_of<T>(sizes.channels, {x.data<T>()});
    const Tiles t = tiles_of(sizes.rows, sizes.channels, vector, 8, 1024), joining = tiles_of(t.chunks, sizes.channels, 1, 1, 1);
    Tensor partial(x.context(), {t.chunks, 2, sizes.channels});
    dispatch_vector<T>(vector, [&](auto v) {
      constexpr int V = decltype(v)::value;
      launch(partial_moments_kernel<V, T>, t.grid(), t.block(), 0, stream, x.data<T>(), t, partial.data<float>());
    });
    launch(join_moments_kernel<T>, joining.grid(), joining.block(), 0, stream, x.data<T>(), partial.data<float>(), joining,
           sizes.rows, t.rows_per_chunk, to);
  });
}

void take_moments_of_sums(const char* op, const Tensor& sum, const Tensor& sum_of_squares, ChannelRows sizes, const Statistics& to) {
  require_tensor(op, "sum", sum, {sizes.channels}, DType::f32);
  require_tensor(op, "sum_of_squares", sum_of_squares, {sizes.channels}, DType::f32);
  launch_1d(statistics_of_sums_kernel, sizes.channels, sum.context().stream(), sum.data<float>(), sum_of_squares.data<float>(), sizes.channels,
            sizes.rows, to);
}

}  // namespace

void batch_norm_train(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                      double momentum, double epsilon, Tensor& running_mean, Tensor& running_variance, Tensor& mean,
                      Tensor& inverse_deviation, Tensor& y) {
  const ChannelRows sizes = check_batch_norm_train(x, scale, shift, residual, f, momentum, epsilon, running_mean,
                                                   running_variance, mean, inverse_deviation, y);
  take_moments(x, sizes, statistics_in(running_mean, running_variance, momentum, epsilon, mean, inverse_deviation));
  normalise<false>(x, residual, scale, shift, mean, inverse_deviation, epsilon, f, sizes, y);
}

void batch_norm_train_of_sums(const Tensor& x, const Tensor& sum, const Tensor& sum_of_squares, const Tensor& scale, const Tensor& shift,
                              const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                              Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& y) {
  const ChannelRows sizes = check_batch_norm_train(x, scale, shift, residual, f, momentum, epsilon, running_mean,
                                                   running_variance, mean, inverse_deviation, y);
  take_moments_of_sums("batch_norm_train_of_sums", sum, sum_of_squares, sizes,
                       statistics_in(running_mean, running_variance, momentum, epsilon, mean, inverse_deviation));
  normalise<false>(x, residual, scale, shift, mean, inverse_deviation, epsilon, f, sizes, y);
}

void batch_moments(const Tensor& x, Tensor& mean, Tensor& variance) {
  take_moments(x, check_batch_moments(x, mean, variance), moments_in(mean, variance));
}

void batch_moments_of_sums(const Tensor& x, const Tensor& sum, const Tensor& sum_of_squares, Tensor& mean, Tensor& variance) {
  take_moments_of_sums("batch_moments_of_sums", sum, sum_of_squares, check_batch_moments(x, mean, variance), moments_in(mean, variance));
}

void affine_of_moments(const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon, Tensor& factor,
                       Tensor& offset) {
  for (const Tensor* tensor : {&mean, &variance, &scale, &shift}) require_tensor("affine_of_moments", "a term", *tensor, factor.shape(), DType::f32);
  require_same("affine_of_moments", factor, offset);
  dispatch_gpu(factor.dtype(), "affine_of_moments", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(affine_of_moments_kernel<T>, factor.size(), factor.context().stream(), mean.data<float>(), variance.data<float>(),
              scale.data<float>(), shift.data<float>(), static_cast<float>(epsilon), factor.size(), factor.data<T>(), offset.data<T>());
  });
}

void batch_norm_infer(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                      double epsilon, const Tensor& running_mean, const Tensor& running_variance, Tensor& y) {
  const ChannelRows sizes =
      check_batch_norm_infer(x, scale, shift, residual, f, epsilon, running_mean, running_variance, y);
  normalise<true>(x, residual, scale, shift, running_mean, running_variance, epsilon, f, sizes, y);
}

}  // namespace pliant::kernels::gpu
