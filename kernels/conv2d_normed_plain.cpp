#include "kernels/conv2d_normed_plain.h"

#include "kernels/batch_norm.h"
#include "kernels/batch_norm_checks.h"
#include "kernels/conv2d_checks.h"

namespace pliant::kernels {

void check_conv2d_batch_norm_train(const Tensor& x, const Tensor& residual, const Tensor& z, const Tensor& y) {
  const char* op = "conv2d_batch_norm_train";
  require_apart(op, "z", z, "x", x);
  require_apart(op, "y", y, "x", x);
  require_apart(op, "y", y, "z", z);
  require_apart(op, "z", z, "the residual", residual);
  require_apart(op, "y", y, "the residual", residual);
}

void plain_conv2d_batch_norm_train(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, const Tensor& factor, const Tensor& shift,
                                   const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                                   Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& z, Tensor& y) {
  check_conv2d_batch_norm_train(x, residual, z, y);
  (is_depthwise(x, w, geometry) ? depthwise_conv2d_forward : conv2d_forward)(x, w, {}, geometry, z);
  batch_norm_train(z, factor, shift, residual, f, momentum, epsilon, running_mean, running_variance, mean, inverse_deviation, y);
}

}  // namespace pliant::kernels
