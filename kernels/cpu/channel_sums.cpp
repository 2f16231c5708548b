#include "kernels/cpu/channel_sums.h"

#include <algorithm>

#include "kernels/elementwise_formulas.h"

namespace pliant::kernels::cpu {

namespace {

constexpr std::int64_t kBlockRows = 128;  // rows summed in float: rounding grows with it, joining costs 1 / kBlockRows
constexpr std::int64_t kMaxChunks = 64;   // parts of the rows that threads share out
constexpr std::int64_t kChunkSize = 1 << 13;  // values that a part has at least

// Calls body(chunk, first row, end) for every part, in parallel if that pays.
template <class Body>
void for_chunks(ChannelRows sizes, std::int64_t chunks, Body&& body) {
#pragma omp parallel for schedule(static) if (sizes.size() > kParallelSize)
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    body(chunk, sizes.rows * chunk / chunks, sizes.rows * (chunk + 1) / chunks);
  }
}

std::int64_t chunks_of(ChannelRows sizes) {
  const std::int64_t wanted = std::min(sizes.size() / kChunkSize, sizes.rows);
  return std::clamp(wanted, std::int64_t{1}, kMaxChunks);
}

// first[c] = sum (x - pivot), second[c] = sum (x - pivot)^2, the pivot being the first row: one of the summed values,
// so that cancellation costs at most a factor `rows` of the rounding error.
template <class T>
void shifted_sums(const T* __restrict x, ChannelRows sizes, float* __restrict first, float* __restrict second) {
  const std::int64_t channels = sizes.channels;
  std::fill(first, first + channels, 0.0f);
  std::fill(second, second + channels, 0.0f);
  std::int64_t row = 1;
  for (; row + 4 <= sizes.rows; row += 4) {
    const T *r0 = x + row * channels, *r1 = r0 + channels, *r2 = r1 + channels, *r3 = r2 + channels;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      const float pivot = to_float(x[c]), d0 = to_float(r0[c]) - pivot, d1 = to_float(r1[c]) - pivot, d2 = to_float(r2[c]) - pivot,
                  d3 = to_float(r3[c]) - pivot;
      first[c] += (d0 + d1) + (d2 + d3);
      second[c] += (d0 * d0 + d1 * d1) + (d2 * d2 + d3 * d3);
    }
  }
  for (; row < sizes.rows; ++row) {
    const T* r = x + row * channels;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      const float d = to_float(r[c]) - to_float(x[c]);
      first[c] += d;
      second[c] += d * d;
    }
  }
}

// Mean and squared deviations of two groups of n and m values together (Chan, Golub and LeVeque, 1979).
void join_moments(double n, double m, double mean_of_m, double squares_of_m, double& mean, double& squares) {
  const double distance = mean_of_m - mean, share = m / (n + m);
  mean += distance * share;
  squares += squares_of_m + distance * distance * n * share;
}

template <class T>
void chunk_moments(const T* x, ChannelRows sizes, std::int64_t begin, std::int64_t end, float* scratch, double* moments) {
  const std::int64_t channels = sizes.channels;
  std::fill(moments, moments + 2 * channels, 0.0);
  for (std::int64_t row = begin; row < end; row += kBlockRows) {
    const std::int64_t rows = std::min(kBlockRows, end - row);
    const T* block = x + row * channels;
    shifted_sums(block, {rows, channels}, scratch, scratch + channels);
    const double n = static_cast<double>(row - begin), m = static_cast<double>(rows);
    for (std::int64_t c = 0; c < channels; ++c) {
      const double first = scratch[c], second = scratch[channels + c];
      join_moments(n, m, static_cast<double>(to_float(block[c])) + first / m, std::max(0.0, second - first * first / m), moments[c],
                   moments[channels + c]);
    }
  }
}

// As above for g and g (x - mean); writes g where it is wanted.
template <class T, class Formula, bool kStore>
void gradient_sums(const BatchNormGradient<T>& in, std::int64_t begin, ChannelRows sizes, float* __restrict first,
                   float* __restrict second) {
  const std::int64_t channels = sizes.channels;
  const float* __restrict mean = in.mean;
  std::fill(first, first + 2 * channels, 0.0f);
  for (std::int64_t row = 0; row < sizes.rows; ++row) {
    const std::int64_t at = (begin + row) * channels;
    const T* __restrict dy = in.dy + at, * __restrict x = in.x + at, * __restrict y = in.y ? in.y + at : dy;
    [[maybe_unused]] T* __restrict kept = kStore ? in.g + at : nullptr;
#pragma omp simd
    for (std::int64_t c = 0; c < channels; ++c) {
      const float g = Formula::backward(to_float(dy[c]), to_float(y[c]));
      if constexpr (kStore) kept[c] = from_float<T>(g);
      first[c] += g;
      second[c] += g * (to_float(x[c]) - mean[c]);
    }
  }
}

template <class T, class Formula, bool kStore>
void chunk_gradient_sums(const BatchNormGradient<T>& in, ChannelRows sizes, std::int64_t begin, std::int64_t end,
                         float* scratch, double* sums) {
  std::fill(sums, sums + 2 * sizes.channels, 0.0);
  for (std::int64_t row = begin; row < end; row += kBlockRows) {
    const std::int64_t rows = std::min(kBlockRows, end - row);
    gradient_sums<T, Formula, kStore>(in, row, {rows, sizes.channels}, scratch, scratch + sizes.channels);
    for (std::int64_t i = 0; i < 2 * sizes.channels; ++i) sums[i] += scratch[i];
  }
}

}  // namespace

template <>
void channel_moments(Context&, const double* x, ChannelRows sizes, double* moments) {
  for (std::int64_t c = 0; c < sizes.channels; ++c) {
    double sum = 0.0, squares = 0.0;
    for (std::int64_t row = 0; row < sizes.rows; ++row) sum += x[row * sizes.channels + c];
    const double mean = sum / static_cast<double>(sizes.rows);
    for (std::int64_t row = 0; row < sizes.rows; ++row) {
      const double distance = x[row * sizes.channels + c] - mean;
      squares += distance * distance;
    }
    moments[c] = mean;
    moments[sizes.channels + c] = squares;
  }
}

template <class T>
void channel_moments(Context& context, const T* x, ChannelRows sizes, double* moments) {
  const std::int64_t channels = sizes.channels, chunks = chunks_of(sizes);
  Tensor partial(context, {chunks, 2, channels}, DType::f64), scratch(context, {chunks, 2, channels}, DType::f32);
  double* parts = partial.data<double>();
  float* sums = scratch.data<float>();
  for_chunks(sizes, chunks, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    chunk_moments(x, sizes, begin, end, sums + chunk * 2 * channels, parts + chunk * 2 * channels);
  });
  std::copy(parts, parts + 2 * channels, moments);
  for (std::int64_t chunk = 1; chunk < chunks; ++chunk) {
    const std::int64_t begin = sizes.rows * chunk / chunks, end = sizes.rows * (chunk + 1) / chunks;
    const double* part = parts + chunk * 2 * channels;
    for (std::int64_t c = 0; c < channels; ++c) {
      join_moments(static_cast<double>(begin), static_cast<double>(end - begin), part[c], part[channels + c],
                   moments[c], moments[channels + c]);
    }
  }
}

template <>
void channel_gradient_sums(Context&, const BatchNormGradient<double>& in, ChannelRows sizes, double* sums) {
  std::fill(sums, sums + 2 * sizes.channels, 0.0);
  for (std::int64_t row = 0; row < sizes.rows; ++row) {
    for (std::int64_t c = 0; c < sizes.channels; ++c) {
      const std::int64_t at = row * sizes.channels + c;
      const double g = in.y ? Relu::backward(in.dy[at], in.y[at]) : in.dy[at];
      if (in.g) in.g[at] = g;
      sums[c] += g;
      sums[sizes.channels + c] += g * (in.x[at] - in.mean[c]);
    }
  }
}

template <class T>
void channel_gradient_sums(Context& context, const BatchNormGradient<T>& in, ChannelRows sizes, double* sums) {
  const std::int64_t channels = sizes.channels, chunks = chunks_of(sizes);
  Tensor partial(context, {chunks, 2, channels}, DType::f64), scratch(context, {chunks, 2, channels}, DType::f32);
  double* parts = partial.data<double>();
  float* rounded = scratch.data<float>();
  const auto sum_chunk = in.y ? (in.g ? chunk_gradient_sums<T, Relu, true> : chunk_gradient_sums<T, Relu, false>)
                              : (in.g ? chunk_gradient_sums<T, Identity, true> : chunk_gradient_sums<T, Identity, false>);
  for_chunks(sizes, chunks, [&](std::int64_t chunk, std::int64_t begin, std::int64_t end) {
    sum_chunk(in, sizes, begin, end, rounded + chunk * 2 * channels, parts + chunk * 2 * channels);
  });
  std::fill(sums, sums + 2 * channels, 0.0);
  for (std::int64_t chunk = 0; chunk < chunks; ++chunk) {
    for (std::int64_t i = 0; i < 2 * channels; ++i) sums[i] += parts[chunk * 2 * channels + i];
  }
}

template void channel_moments(Context&, const float*, ChannelRows, double*);
template void channel_moments(Context&, const BFloat16*, ChannelRows, double*);
template void channel_moments(Context&, const Half*, ChannelRows, double*);
template void channel_gradient_sums(Context&, const BatchNormGradient<float>&, ChannelRows, double*);
template void channel_gradient_sums(Context&, const BatchNormGradient<BFloat16>&, ChannelRows, double*);
template void channel_gradient_sums(Context&, const BatchNormGradient<Half>&, ChannelRows, double*);

}  // namespace pliant::kernels::cpu
