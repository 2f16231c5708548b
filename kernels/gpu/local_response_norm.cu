// Local response normalisation across channels, one thread per value; the neighbours come from the L1 cache.
//   b[c] = k + alpha sum of x^2 around c,  y[c] = x[c] b[c]^-beta
//   dx[c] = dy[c] b[c]^-beta - 2 alpha beta x[c] sum of dy y / b around c
// x, y and their gradients are f32, bf16 or f16 in memory, of e bytes; b is f32. Bytes a value: forward 2 e + 4, backward 4 e + 4.
// Bound by memory, or by the power where beta is not 3/4. Deterministic.
#include "core/gpu/launch.h"
#include "kernels/local_response_norm_formulas.h"

namespace pliant::kernels::gpu {

namespace {

struct Constants {
  float alpha, beta, k;
};

// The channels within s.half of channel c, as offsets from c.
struct Around {
  std::int64_t first, last;
};
__device__ Around around(std::int64_t i, const ResponseSizes& s) {
  const std::int64_t c = i % s.channels, right = s.channels - 1 - c;
  return {c < s.half ? -c : -s.half, right < s.half ? right : s.half};
}

template <class T>
__global__ void forward_kernel(const T* __restrict__ x, ResponseSizes s, Constants k,  // x, y, b [rows, C]
                               T* __restrict__ y, float* __restrict__ b) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= s.rows * s.channels) return;
  const Around near = around(i, s);
  float sum = 0.0f;
  for (std::int64_t d = near.first; d <= near.last; ++d) sum += to_float(x[i + d]) * to_float(x[i + d]);
  const float base = k.k + k.alpha * sum;
  b[i] = base;
  y[i] = from_float<T>(to_float(x[i]) * inverse_power(base, k.beta));
}

template <class T>
__global__ void backward_kernel(const T* __restrict__ dy, const T* __restrict__ x,  // all [rows, C]
                                const T* __restrict__ y, const float* __restrict__ b, ResponseSizes s, Constants k,
                                T* __restrict__ dx) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= s.rows * s.channels) return;
  const Around near = around(i, s);
  float sum = 0.0f;
  for (std::int64_t d = near.first; d <= near.last; ++d) sum += to_float(dy[i + d]) * to_float(y[i + d]) / b[i + d];
  dx[i] = from_float<T>(to_float(dy[i]) * inverse_power(b[i], k.beta) - 2.0f * k.alpha * k.beta * to_float(x[i]) * sum);
}

Constants constants_of(const LocalResponseNorm& options) {
  return {static_cast<float>(options.alpha), static_cast<float>(options.beta), static_cast<float>(options.k)};
}

}  // namespace

void local_response_norm_forward(const Tensor& x, const LocalResponseNorm& options, Tensor& y, Tensor& b) {
  const ResponseSizes s = check_response("local_response_norm_forward", x, options, {&y}, b);
  dispatch_gpu(x.dtype(), "local_response_norm_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(forward_kernel<T>, x.size(), x.context().stream(), x.data<T>(), s, constants_of(options), y.data<T>(), b.data<float>());
  });
}

void local_response_norm_backward(const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& b,
                                  const LocalResponseNorm& options, Tensor& dx) {
  const ResponseSizes s = check_response("local_response_norm_backward", x, options, {&dy, &y, &dx}, b);
  dispatch_gpu(x.dtype(), "local_response_norm_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(backward_kernel<T>, x.size(), x.context().stream(), dy.data<T>(), x.data<T>(), y.data<T>(), b.data<float>(), s,
              constants_of(options), dx.data<T>());
  });
}

}  // namespace pliant::kernels::gpu
