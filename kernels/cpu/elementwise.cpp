#include "kernels/elementwise.h"

#include "kernels/elementwise_checks.h"
#include "kernels/elementwise_formulas.h"

namespace pliant {

const char* name_of(Activation activation) {
  switch (activation) {
    case Activation::identity: return "identity";
    case Activation::relu: return "relu";
    case Activation::relu6: return "relu6";
    case Activation::sigmoid: return "sigmoid";
    case Activation::tanh: return "tanh";
  }
  return "?";
}

}  // namespace pliant

namespace pliant::kernels::cpu {

namespace {

// Below this size a loop is not worth waking the other threads.
constexpr std::int64_t kParallelSize = 1 << 15;

}  // namespace

void activation_forward(const Tensor& x, Activation f, Tensor& y) {
  require_same(name_of(f), x, y);
  dispatch_cpu_storage(x.dtype(), name_of(f), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    const std::int64_t size = x.size();
    dispatch_activation(f, [&](auto formula) {
#pragma omp parallel for if (size > kParallelSize)
      for (std::int64_t i = 0; i < size; ++i) out[i] = narrowed<T>(formula.forward(widened(in[i])));
    });
  });
}

void activation_backward(const Tensor& dy, const Tensor& y, Activation f, Tensor& dx) {
  require_same(name_of(f), dy, y);
  require_same(name_of(f), dy, dx);
  dispatch_cpu_storage(dy.dtype(), name_of(f), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *gradient = dy.data<T>(), *output = y.data<T>();
    T* result = dx.data<T>();
    const std::int64_t size = dy.size();
    dispatch_activation(f, [&](auto formula) {
#pragma omp parallel for if (size > kParallelSize)
      for (std::int64_t i = 0; i < size; ++i) result[i] = narrowed<T>(formula.backward(widened(gradient[i]), widened(output[i])));
    });
  });
}

void add(const Tensor& a, const Tensor& b, double factor, Tensor& y) {
  require_same("add", a, b);
  require_same("add", a, y);
  dispatch_cpu_storage(a.dtype(), "add", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *left = a.data<T>(), *right = b.data<T>();
    T* sum = y.data<T>();
    const auto times = static_cast<Wide<T>>(factor);
    const std::int64_t size = a.size();
#pragma omp parallel for if (size > kParallelSize)
    for (std::int64_t i = 0; i < size; ++i) sum[i] = narrowed<T>(widened(left[i]) + times * widened(right[i]));
  });
}

void scale(const Tensor& x, double factor, Tensor& y) {
  require_same("scale", x, y);
  dispatch_cpu_storage(x.dtype(), "scale", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    const auto times = static_cast<Wide<T>>(factor);
    const std::int64_t size = x.size();
#pragma omp parallel for if (size > kParallelSize)
    for (std::int64_t i = 0; i < size; ++i) out[i] = narrowed<T>(times * widened(in[i]));
  });
}

void scale_by(const Tensor& x, const Tensor& factor, Tensor& y) {
  check_scale_by(x, factor, y);
  dispatch_cpu_storage(x.dtype(), "scale_by", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    const Wide<T> times = *factor.data<Wide<T>>();
    const std::int64_t size = x.size();
#pragma omp parallel for if (size > kParallelSize)
    for (std::int64_t i = 0; i < size; ++i) out[i] = narrowed<T>(times * widened(in[i]));
  });
}

void choose(const Tensor& mask, const Tensor& a, const Tensor& b, Tensor& y) {
  require_same("choose", mask, a);
  require_same("choose", a, b);
  require_same("choose", a, y);
  dispatch_cpu(a.dtype(), "choose", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *pick = mask.data<T>(), *left = a.data<T>(), *right = b.data<T>();
    T* out = y.data<T>();
    const std::int64_t size = a.size();
#pragma omp parallel for if (size > kParallelSize)
    for (std::int64_t i = 0; i < size; ++i) out[i] = pick[i] != T(0) ? left[i] : right[i];
  });
}

}  // namespace pliant::kernels::cpu
