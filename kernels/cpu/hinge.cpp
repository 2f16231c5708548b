#include "kernels/hinge.h"

#include <algorithm>
#include <limits>

#include "kernels/hinge_formula.h"

namespace pliant::kernels::cpu {

namespace {

template <class T>
T row_loss(const T* z, std::int32_t label, std::int64_t c) {
  if (label < 0 || label >= c) return std::numeric_limits<T>::quiet_NaN();
  double sum = 0.0;
  for (std::int64_t j = 0; j < c; ++j) {
    const double margin = hinge_margin(z[j], j == label);
    sum += margin * margin;
  }
  return static_cast<T>(sum);
}

template <class T>
void row_gradient(const T* z, std::int32_t label, std::int64_t c, T scale, T* dz) {
  if (label < 0 || label >= c) {
    std::fill_n(dz, c, std::numeric_limits<T>::quiet_NaN());
    return;
  }
  for (std::int64_t j = 0; j < c; ++j) dz[j] = scale * hinge_slope(z[j], j == label);
}

}  // namespace

void squared_hinge_forward(const Tensor& z, const Tensor& labels, Tensor& losses) {
  check_squared_hinge("squared_hinge_forward", z, labels, "losses", losses);
  dispatch_cpu(z.dtype(), "squared_hinge_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* logits = z.data<T>();
    const std::int32_t* label = labels.data<std::int32_t>();
    T* loss = losses.data<T>();
    const std::int64_t n = z.shape()[0], c = z.shape()[1];
#pragma omp parallel for if (n * c > 1 << 15)
    for (std::int64_t i = 0; i < n; ++i) loss[i] = row_loss(logits + i * c, label[i], c);
  });
}

void squared_hinge_backward(const Tensor& dlosses, const Tensor& z, const Tensor& labels, Tensor& dz) {
  check_squared_hinge_backward(dlosses, z, labels, dz);
  dispatch_cpu(z.dtype(), "squared_hinge_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *logits = z.data<T>(), *dloss = dlosses.data<T>();
    const std::int32_t* label = labels.data<std::int32_t>();
    T* gradient = dz.data<T>();
    const std::int64_t n = z.shape()[0], c = z.shape()[1];
#pragma omp parallel for if (n * c > 1 << 15)
    for (std::int64_t i = 0; i < n; ++i) row_gradient(logits + i * c, label[i], c, dloss[i], gradient + i * c);
  });
}

}  // namespace pliant::kernels::cpu
