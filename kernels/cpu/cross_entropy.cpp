#include "kernels/cross_entropy.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/cross_entropy_checks.h"

namespace pliant::kernels::cpu {

namespace {

// ln p[c] = (z[c] - largest) - log_sum: subtracted in this order, nothing is lost where logits are large.
template <class T>
struct Normaliser {
  T largest, log_sum;
  T surprise(T z) const { return log_sum - (z - largest); }  // -ln p
};

// p = softmax(z)
template <class T>
Normaliser<T> softmax_row(const T* z, std::int64_t c, T* p) {
  T largest = z[0];
  for (std::int64_t j = 1; j < c; ++j) largest = std::max(largest, z[j]);
  double sum = 0.0;
  for (std::int64_t j = 0; j < c; ++j) {
    p[j] = std::exp(z[j] - largest);
    sum += p[j];
  }
  const T inverse = static_cast<T>(1.0 / sum);
  for (std::int64_t j = 0; j < c; ++j) p[j] *= inverse;
  return {largest, static_cast<T>(std::log(sum))};
}

// -sum over c of t[c] ln p[c]
template <class T>
T soft_loss(const T* z, const T* target, std::int64_t c, Normaliser<T> normaliser) {
  double loss = 0.0;
  for (std::int64_t j = 0; j < c; ++j) {
    if (target[j] != T(0))
      loss += target[j] * normaliser.surprise(z[j]);  // what is impossible and wanted by nobody costs nothing
  }
  return static_cast<T>(loss);
}

template <class T>
T label_loss(const T* z, std::int32_t label, std::int64_t c, Normaliser<T> normaliser, T smoothing) {
  if (label < 0 || label >= c) return std::numeric_limits<T>::quiet_NaN();
  const T own = normaliser.surprise(z[label]);
  if (smoothing == T(0)) return own;
  double others = 0.0;
  for (std::int64_t j = 0; j < c; ++j) others += normaliser.surprise(z[j]);
  return (T(1) - smoothing) * own + smoothing * static_cast<T>(others / static_cast<double>(c));
}

// dz = scale (p sum(t) - t)
template <class T>
void soft_gradient(const T* p, const T* target, std::int64_t c, T scale, T* dz) {
  double total = 0.0;
  for (std::int64_t j = 0; j < c; ++j) total += target[j];
  for (std::int64_t j = 0; j < c; ++j) dz[j] = scale * (p[j] * static_cast<T>(total) - target[j]);
}

template <class T>
void label_gradient(const T* p, std::int32_t label, std::int64_t c, T scale, T smoothing, T* dz) {
  if (label < 0 || label >= c) {
    std::fill_n(dz, c, std::numeric_limits<T>::quiet_NaN());
    return;
  }
  const T share = smoothing / static_cast<T>(c);
  for (std::int64_t j = 0; j < c; ++j) dz[j] = scale * (p[j] - share);
  dz[label] -= scale * (T(1) - smoothing);
}

}  // namespace

void softmax_cross_entropy_forward(const Tensor& z, const Tensor& labels, const Tensor& soft_targets,
                                   const Tensor& weights, double smoothing, Tensor& losses, Tensor& p) {
  check_cross_entropy_forward(z, labels, soft_targets, weights, smoothing, losses, p);
  dispatch_cpu(z.dtype(), "softmax_cross_entropy", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* logits = z.data<T>();
    const T* soft = soft_targets ? soft_targets.data<T>() : nullptr;
    const T* weight = weights ? weights.data<T>() : nullptr;
    const std::int32_t* label = labels ? labels.data<std::int32_t>() : nullptr;
    T *loss = losses.data<T>(), *probability = p.data<T>();
    const std::int64_t n = z.shape()[0], c = z.shape()[1];
#pragma omp parallel for if (n * c > 1 << 12)
    for (std::int64_t i = 0; i < n; ++i) {
      const T* row = logits + i * c;
      const auto normaliser = softmax_row(row, c, probability + i * c);
      const T plain = soft ? soft_loss(row, soft + i * c, c, normaliser)
                           : label_loss(row, label[i], c, normaliser, static_cast<T>(smoothing));
      loss[i] = weight ? weight[i] * plain : plain;
    }
  });
}

void softmax_cross_entropy_backward(const Tensor& dlosses, const Tensor& p, const Tensor& labels,
                                    const Tensor& soft_targets, const Tensor& weights, double smoothing, Tensor& dz) {
  check_cross_entropy_backward(dlosses, p, labels, soft_targets, weights, smoothing, dz);
  dispatch_cpu(p.dtype(), "softmax_cross_entropy_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *dloss = dlosses.data<T>(), *probability = p.data<T>();
    const T* soft = soft_targets ? soft_targets.data<T>() : nullptr;
    const T* weight = weights ? weights.data<T>() : nullptr;
    const std::int32_t* label = labels ? labels.data<std::int32_t>() : nullptr;
    T* gradient = dz.data<T>();
    const std::int64_t n = p.shape()[0], c = p.shape()[1];
#pragma omp parallel for if (n * c > 1 << 15)
    for (std::int64_t i = 0; i < n; ++i) {
      const T scale = weight ? dloss[i] * weight[i] : dloss[i];
      if (soft) {
        soft_gradient(probability + i * c, soft + i * c, c, scale, gradient + i * c);
      } else {
        label_gradient(probability + i * c, label[i], c, scale, static_cast<T>(smoothing), gradient + i * c);
      }
    }
  });
}

void softmax(const Tensor& z, Tensor& p) {
  check_softmax("softmax", z, p);
  dispatch_cpu(z.dtype(), "softmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* logits = z.data<T>();
    T* probability = p.data<T>();
    const std::int64_t n = z.shape()[0], c = z.shape()[1];
#pragma omp parallel for if (n * c > 1 << 12)
    for (std::int64_t i = 0; i < n; ++i) softmax_row(logits + i * c, c, probability + i * c);
  });
}

}  // namespace pliant::kernels::cpu
