// One thread per element. Bytes per element of b bytes: forward 2b, backward 3b + 4; slopes stay in the cache. Bound by memory.
// Deterministic: the sum over rows is left to an operation of Pliant's that adds in a fixed order.
#include "core/gpu/launch.h"
#include "swish.h"
#include "swish_formula.h"

using namespace pliant;

namespace own::gpu {

namespace {

// x, y [size], slope [channels]
template <class T>
__global__ void swish_forward_kernel(const T* x, const float* slope, T* y, std::int64_t size, std::int64_t channels) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = from_float<T>(swish_value(to_float(x[i]), slope[i % channels]));
}

template <class T>
__global__ void swish_backward_kernel(const T* dy, const T* x, const float* slope, T* dx, float* terms, std::int64_t size, std::int64_t channels) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const auto derivatives = swish_derivatives(to_float(x[i]), slope[i % channels]);
  const float gradient = to_float(dy[i]);
  dx[i] = from_float<T>(gradient * derivatives.by_x);
  terms[i] = gradient * derivatives.by_slope;
}

}  // namespace

void swish_forward(const Tensor& x, const Tensor& slope, Tensor& y) {
  check_swish(x, slope);
  require_same("swish_forward", x, y);
  dispatch_gpu(x.dtype(), "swish_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(swish_forward_kernel<T>, x.size(), x.context().stream(), x.data<T>(), slope.data<float>(), y.data<T>(), x.size(), slope.size());
  });
}

void swish_backward(const Tensor& dy, const Tensor& x, const Tensor& slope, Tensor& dx, Tensor& terms) {
  check_swish(x, slope);
  require_same("swish_backward", dy, x);
  require_same("swish_backward", dy, dx);
  dispatch_gpu(x.dtype(), "swish_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(swish_backward_kernel<T>, x.size(), x.context().stream(), dy.data<T>(), x.data<T>(), slope.data<float>(), dx.data<T>(),
              terms.data<float>(), x.size(), slope.size());
  });
}

}  // namespace own::gpu
