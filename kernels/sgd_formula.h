// The update of one weight by stochastic gradient descent, once for every backend. T is float or double.
#pragma once

#include "core/gpu/annotations.h"

namespace pliant::kernels {

template <class T>
struct SgdRule {
  T rate, momentum, decay, l1;
};

// mask: 1 or 0.  g = mask (gradient + decay w + l1 sign(w)), sign(0) = 0.
template <bool nesterov, class T>
PLIANT_HOST_DEVICE inline void sgd_update(T& w, T& v, T gradient, T mask, const SgdRule<T>& rule) {
  const T sign = static_cast<T>(w > T(0)) - static_cast<T>(w < T(0));
  const T g = mask * (gradient + rule.decay * w + rule.l1 * sign);
  v = rule.momentum * v + g;
  w = mask * (w - rule.rate * (nesterov ? g + rule.momentum * v : v));
}

}  // namespace pliant::kernels
