#include <algorithm>

#include "kernels/cpu/through_f32.h"
#include "kernels/local_response_norm_formulas.h"

namespace pliant::kernels::cpu {

namespace {

// Below this size a loop is not worth waking the other threads: each value costs a power.
constexpr std::int64_t kParallelSize = 1 << 12;

// sum[c] += the values of the neighbours of c, at most `half` channels away; shifted whole rows, so that the loops
// vectorise.
template <class T, class Value>
void add_neighbours(std::int64_t channels, int half, T* __restrict sum, Value&& value) {
  for (std::int64_t shift = -half; shift <= half; ++shift) {
    const std::int64_t begin = std::max<std::int64_t>(0, -shift), end = std::min(channels, channels - shift);
#pragma omp simd
    for (std::int64_t c = begin; c < end; ++c) sum[c] += value(c + shift);
  }
}

}  // namespace

void local_response_norm_forward(const Tensor& x, const LocalResponseNorm& options, Tensor& y, Tensor& b) {
  const ResponseSizes s = check_response("local_response_norm_forward", x, options, {&y}, b);
  if (is_16_bit(x.dtype())) return through_f32(local_response_norm_forward, x, options, y, b);
  dispatch_cpu(x.dtype(), "local_response_norm_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T alpha = static_cast<T>(options.alpha), beta = static_cast<T>(options.beta), k = static_cast<T>(options.k);
    const T* in = x.data<T>();
    T *out = y.data<T>(), *kept = b.data<T>();
#pragma omp parallel for schedule(static) if (x.size() > kParallelSize)
    for (std::int64_t row = 0; row < s.rows; ++row) {
      const T* __restrict from = in + row * s.channels;
      T* __restrict base = kept + row * s.channels, * __restrict to = out + row * s.channels;
      std::fill(base, base + s.channels, T(0));
      add_neighbours(s.channels, s.half, base, [from](std::int64_t c) { return from[c] * from[c]; });
      for (std::int64_t c = 0; c < s.channels; ++c) base[c] = k + alpha * base[c];
      for (std::int64_t c = 0; c < s.channels; ++c) to[c] = from[c] * inverse_power(base[c], beta);
    }
  });
}

void local_response_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& b,
                                  const LocalResponseNorm& options, Tensor& dx) {
  const ResponseSizes s = check_response("local_response_norm_backward", x, options, {&dy, &y, &dx}, b);
  if (is_16_bit(x.dtype())) return through_f32(local_response_norm_backward, dy, x, y, b, options, dx);
  dispatch_cpu(x.dtype(), "local_response_norm_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T beta = static_cast<T>(options.beta), factor = static_cast<T>(2.0 * options.alpha * options.beta);
    const T *gradients = dy.data<T>(), *inputs = x.data<T>(), *outputs = y.data<T>(), *kept = b.data<T>();
    T* result = dx.data<T>();
#pragma omp parallel for schedule(static) if (x.size() > kParallelSize)
    for (std::int64_t row = 0; row < s.rows; ++row) {
      const std::int64_t at = row * s.channels;
      const T* __restrict g = gradients + at, * __restrict in = inputs + at, * __restrict out = outputs + at, * __restrict base = kept + at;
      T* __restrict sum = result + at;
      std::fill(sum, sum + s.channels, T(0));
      add_neighbours(s.channels, s.half, sum, [g, out, base](std::int64_t c) { return g[c] * out[c] / base[c]; });
      for (std::int64_t c = 0; c < s.channels; ++c)
        sum[c] = g[c] * inverse_power(base[c], beta) - factor * in[c] * sum[c];
    }
  });
}

}  // namespace pliant::kernels::cpu
