// The update of one weight by stochastic gradient descent, once for every backend. T is float or double.
#pragma once

#include "core/gpu/annotations.h"

namespace pliant::kernels {

template <class T>
struct SgdRule {
  T rate, momentum, decay, l1, proximal;
};

// mask: 1 or 0.  g = mask (gradient + decay w + l1 sign(w)), sign(0) = 0.
template <bool nesterov, class T>
PLIANT_HOST_DEVICE inline void sgd_update(T& w, T& v, T gradient, T mask, const SgdRule<T>& rule) {
  const T sign = static_cast<T>(w > T(0)) - static_cast<T>(w < T(0));
  const T g = mask * (gradient + rule.decay * w + rule.l1 * sign);
  v = rule.momentum * v + g;
  w = mask * (w - rule.rate * (nesterov ? g + rule.momentum * v : v));
}

// The proximal update of kernels/sgd.h with weight p; rule.decay and rule.l1 are ignored. |w - rate gradient| <= rate p gives z = 0.
template <class T>
PLIANT_HOST_DEVICE inline void sgd_proximal_update(T& w, T& v, T gradient, T mask, const SgdRule<T>& rule) {
  const T moved = w - rule.rate * mask * gradient, size = (moved < T(0) ? -moved : moved) - rule.rate * rule.proximal;
  const T z = size < T(0) ? T(0) : moved < T(0) ? -size : size;  // this way round NaN passes
  v = z - w + rule.momentum * v;
  const T next = z + rule.momentum * v;
  w = mask * (next < T(0) ? T(0) : next);
}

}  // namespace pliant::kernels
