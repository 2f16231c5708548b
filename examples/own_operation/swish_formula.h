// The formula and its derivatives, and the checks, for both bodies. T is float or double.
#pragma once

#include <cmath>

#include "core/gpu/annotations.h"
#include "core/tensor.h"

namespace own {

template <class T>
PLIANT_HOST_DEVICE T sigmoid(T x) {
  return T(1) / (T(1) + std::exp(-x));
}

template <class T>
PLIANT_HOST_DEVICE T swish_value(T x, T slope) {
  return x * sigmoid(slope * x);
}

template <class T>
struct SwishDerivatives {
  T by_x, by_slope;
};

template <class T>
PLIANT_HOST_DEVICE SwishDerivatives<T> swish_derivatives(T x, T slope) {
  const T s = sigmoid(slope * x);
  const T steepness = s * (T(1) - s);
  return {s + slope * x * steepness, x * x * steepness};
}

inline void check_swish(const pliant::Tensor& x, const pliant::Tensor& slope) {
  PLIANT_REQUIRE(pliant::ShapeError, slope.shape() == pliant::Shape{x.shape()[-1]} && slope.dtype() == pliant::accumulation_dtype(x.dtype()),
                 "swish: one slope per channel of x (", x, ") in ", pliant::accumulation_dtype(x.dtype()), " expected, got ", slope);
}

}  // namespace own
