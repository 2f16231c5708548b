// The update of one weight by Adam, once for every backend. T is float or double.
#pragma once

#include <cmath>

#include "core/gpu/annotations.h"

namespace pliant::kernels {

template <class T>
struct AdamRule {
  T rate;                                // over 1 - beta1^t
  T beta1, gain1, beta2, gain2;          // gain = 1 - beta
  T correction;                          // 1 / (1 - beta2^t)
  T epsilon, decay, l1;
};

// scalars [7] and the row of rules [4] of kernels/adam.h. In double: 1 - beta in float would lose digits.
template <class T>
PLIANT_HOST_DEVICE inline AdamRule<T> adam_rule(const double* scalars, const T* row) {
  const double beta1 = scalars[1], beta2 = scalars[2];
  return {static_cast<T>(scalars[0] * static_cast<double>(row[0]) / scalars[4]),
          static_cast<T>(beta1),
          static_cast<T>(1.0 - beta1),
          static_cast<T>(beta2),
          static_cast<T>(1.0 - beta2),
          static_cast<T>(1.0 / scalars[5]),
          static_cast<T>(scalars[3]),
          row[1],
          row[2]};
}

// mask: 1 or 0.  g = mask (gradient + decay w + l1 sign(w)), sign(0) = 0.
template <class T>
PLIANT_HOST_DEVICE inline void adam_update(T& w, T& m, T& v, T gradient, T mask, const AdamRule<T>& rule) {
  const T sign = static_cast<T>(w > T(0)) - static_cast<T>(w < T(0));
  const T g = mask * (gradient + rule.decay * w + rule.l1 * sign);
  m = rule.beta1 * m + rule.gain1 * g;
  v = rule.beta2 * v + rule.gain2 * g * g;
  w = mask * (w - rule.rate * m / (std::sqrt(v * rule.correction) + rule.epsilon));
}

}  // namespace pliant::kernels
