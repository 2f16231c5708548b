// Activations, sums and scalings, one thread per element.
// Bytes per element of b bytes: forward and scale 2b, backward and add 3b. Bound by memory. Deterministic.
#include "kernels/elementwise.h"

#include "core/gpu/launch.h"
#include "kernels/elementwise_checks.h"
#include "kernels/elementwise_formulas.h"

namespace pliant::kernels::gpu {

namespace {

template <class T, class Formula>
__global__ void activation_forward_kernel(const T* x, T* y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = from_float<T>(Formula::forward(to_float(x[i])));
}

template <class T, class Formula>
__global__ void activation_backward_kernel(const T* dy, const T* y, T* dx, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) dx[i] = from_float<T>(Formula::backward(to_float(dy[i]), to_float(y[i])));
}

template <class T>
__global__ void add_kernel(const T* a, const T* b, float factor, T* y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = from_float<T>(to_float(a[i]) + factor * to_float(b[i]));
}

template <class T>
__global__ void scale_kernel(const T* x, float factor, T* y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = from_float<T>(factor * to_float(x[i]));
}

// x, y [size], factor [1]
template <class T>
__global__ void scale_by_kernel(const T* x, const float* factor, T* y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = from_float<T>(factor[0] * to_float(x[i]));
}

// mask, a, b, y [size]
__global__ void choose_kernel(const float* mask, const float* a, const float* b, float* y, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = mask[i] != 0.0f ? a[i] : b[i];
}

}  // namespace

void activation_forward(const Tensor& x, Activation f, Tensor& y) {
  require_same(name_of(f), x, y);
  dispatch_gpu(x.dtype(), name_of(f), [&](auto tag) {
    using T = typename decltype(tag)::type;
    dispatch_activation(f, [&](auto formula) {
      using Formula = decltype(formula);
      launch_1d(activation_forward_kernel<T, Formula>, x.size(), x.context().stream(), x.data<T>(), y.data<T>(), x.size());
    });
  });
}

void activation_backward(const Tensor& dy, const Tensor& y, Activation f, Tensor& dx) {
  require_same(name_of(f), dy, y);
  require_same(name_of(f), dy, dx);
  dispatch_gpu(dy.dtype(), name_of(f), [&](auto tag) {
    using T = typename decltype(tag)::type;
    dispatch_activation(f, [&](auto formula) {
      using Formula = decltype(formula);
      launch_1d(activation_backward_kernel<T, Formula>, dy.size(), dy.context().stream(), dy.data<T>(), y.data<T>(),
                       dx.data<T>(), dy.size());
    });
  });
}

void add(const Tensor& a, const Tensor& b, double factor, Tensor& y) {
  require_same("add", a, b);
  require_same("add", a, y);
  dispatch_gpu(a.dtype(), "add", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(add_kernel<T>, a.size(), a.context().stream(), a.data<T>(), b.data<T>(), factor, y.data<T>(), a.size());
  });
}

void scale(const Tensor& x, double factor, Tensor& y) {
  require_same("scale", x, y);
  dispatch_gpu(x.dtype(), "scale", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(scale_kernel<T>, x.size(), x.context().stream(), x.data<T>(), factor, y.data<T>(), x.size());
  });
}

void scale_by(const Tensor& x, const Tensor& factor, Tensor& y) {
  check_scale_by(x, factor, y);
  dispatch_gpu(x.dtype(), "scale_by", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(scale_by_kernel<T>, x.size(), x.context().stream(), x.data<T>(), factor.data<float>(), y.data<T>(), x.size());
  });
}

void choose(const Tensor& mask, const Tensor& a, const Tensor& b, Tensor& y) {
  require_same("choose", mask, a);
  require_same("choose", a, b);
  require_same("choose", a, y);
  launch_1d(choose_kernel, a.size(), a.context().stream(), mask.data<float>(), a.data<float>(), b.data<float>(), y.data<float>(), a.size());
}

}  // namespace pliant::kernels::gpu
