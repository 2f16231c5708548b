// What both backends share: the checks, and the power -beta.
#pragma once

#include <cmath>
#include <initializer_list>

#include "core/gpu/annotations.h"
#include "kernels/local_response_norm.h"

namespace pliant::kernels {

// b^-beta; two roots for the usual 3/4, which are many times faster than the general power.
template <class T>
PLIANT_HOST_DEVICE T inverse_power(T b, T beta) {
  if (beta == T(0.75)) {
    const T root = std::sqrt(b);
    return T(1) / (root * std::sqrt(root));
  }
  return std::pow(b, -beta);
}

struct ResponseSizes {
  std::int64_t rows = 0, channels = 0;
  int half = 0;  // neighbours on each side
};

// like_x: tensors of the shape and dtype of x. Throws ShapeError for tensors that do not fit, ConfigError for numbers out of range.
ResponseSizes check_response(const char* op, const Tensor& x, const LocalResponseNorm& options,
                             std::initializer_list<const Tensor*> like_x, const Tensor& b);

}  // namespace pliant::kernels
