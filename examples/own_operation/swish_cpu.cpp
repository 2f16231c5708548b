// The loops: in double they are the specification, in float the fast version, and bf16 and f16 are computed in float.
#include "swish.h"
#include "swish_formula.h"

using namespace pliant;

namespace own::cpu {

void swish_forward(const Tensor& x, const Tensor& slope, Tensor& y) {
  check_swish(x, slope);
  require_same("swish_forward", x, y);
  dispatch_cpu_storage(x.dtype(), "swish_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t channels = slope.size(), size = x.size();
    const T* in = x.data<T>();
    const Wide<T>* slopes = slope.data<Wide<T>>();
    T* out = y.data<T>();
#pragma omp parallel for
    for (std::int64_t i = 0; i < size; ++i) out[i] = narrowed<T>(swish_value(widened(in[i]), slopes[i % channels]));
  });
}

void swish_backward(const Tensor& dy, const Tensor& x, const Tensor& slope, Tensor& dx, Tensor& terms) {
  check_swish(x, slope);
  require_same("swish_backward", dy, x);
  require_same("swish_backward", dy, dx);
  dispatch_cpu_storage(x.dtype(), "swish_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t channels = slope.size(), size = x.size();
    const T *gradient = dy.data<T>(), *in = x.data<T>();
    const Wide<T>* slopes = slope.data<Wide<T>>();
    T* out = dx.data<T>();
    Wide<T>* by_slope = terms.data<Wide<T>>();
#pragma omp parallel for
    for (std::int64_t i = 0; i < size; ++i) {
      const auto derivatives = swish_derivatives(widened(in[i]), slopes[i % channels]);
      const Wide<T> g = widened(gradient[i]);
      out[i] = narrowed<T>(g * derivatives.by_x);
      by_slope[i] = g * derivatives.by_slope;
    }
  });
}

}  // namespace own::cpu
