// The formulas of the activations and their derivatives, once for every backend. T is float or double.
#pragma once

#include <cmath>

#include "core/gpu/annotations.h"
#include "kernels/elementwise.h"

namespace pliant::kernels {

struct Identity {
  template <class T>
  PLIANT_HOST_DEVICE static T forward(T x) {
    return x;
  }
  template <class T>
  PLIANT_HOST_DEVICE static T backward(T dy, T) {
    return dy;
  }
};

struct Relu {
  template <class T>
  PLIANT_HOST_DEVICE static T forward(T x) {
    return x < T(0) ? T(0) : x;  // this way round NaN passes
  }
  template <class T>
  PLIANT_HOST_DEVICE static T backward(T dy, T y) {
    return y > T(0) ? dy : T(0);
  }
};

struct Relu6 {
  template <class T>
  PLIANT_HOST_DEVICE static T forward(T x) {
    return x < T(0) ? T(0) : x > T(6) ? T(6) : x;
  }
  template <class T>
  PLIANT_HOST_DEVICE static T backward(T dy, T y) {
    return y > T(0) && y < T(6) ? dy : T(0);
  }
};

struct Sigmoid {
  template <class T>
  PLIANT_HOST_DEVICE static T forward(T x) {
    return T(1) / (T(1) + std::exp(-x));
  }
  template <class T>
  PLIANT_HOST_DEVICE static T backward(T dy, T y) {
    return dy * y * (T(1) - y);
  }
};

struct Tanh {
  template <class T>
  PLIANT_HOST_DEVICE static T forward(T x) {
    return std::tanh(x);
  }
  template <class T>
  PLIANT_HOST_DEVICE static T backward(T dy, T y) {
    return dy * (T(1) - y * y);
  }
};

// Calls body(Formula{}) with the formulas of f, so that kernels choose once per call and not once per element.
template <class Body>
void dispatch_activation(Activation f, Body&& body) {
  switch (f) {
    case Activation::identity: return body(Identity{});
    case Activation::relu: return body(Relu{});
    case Activation::relu6: return body(Relu6{});
    case Activation::sigmoid: return body(Sigmoid{});
    case Activation::tanh: return body(Tanh{});
  }
}

}  // namespace pliant::kernels
