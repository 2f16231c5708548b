#include "kernels/conv2d_normed_plain.h"

#include "kernels/batch_norm.h"
#include "kernels/batch_norm_checks.h"
#include "kernels/conv2d_checks.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

namespace {

void convolve(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, Tensor& z) {
  (is_depthwise(x, w, geometry) ? depthwise_conv2d_forward : conv2d_forward)(x, w, {}, geometry, z);
}

}  // namespace

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
  convolve(x, w, geometry, z);
  batch_norm_train(z, factor, shift, residual, f, momentum, epsilon, running_mean, running_variance, mean, inverse_deviation, y);
}

void check_conv2d_normed(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& factor, const Tensor& shift, double epsilon,
                         const Tensor& z) {
  const char* op = "conv2d_normed";
  require_apart(op, "z", z, "x", x);
  if (!mean && !variance && !factor && !shift) return;
  const std::pair<const char*, const Tensor*> terms[] = {{"mean", &mean}, {"variance", &variance}, {"scale", &factor}, {"shift", &shift}};
  for (const auto& [name, term] : terms) require_tensor(op, name, *term, {x.shape()[-1]}, accumulation_dtype(x.dtype()));
  PLIANT_REQUIRE(ConfigError, epsilon > 0.0, op, ": epsilon must be above 0, got ", epsilon);
}

Tensor normalised_input(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& factor, const Tensor& shift, double epsilon) {
  if (!mean) return x;
  Tensor a = Tensor::like(x);
  batch_norm_infer(x, factor, shift, {}, Activation::relu, epsilon, mean, variance, a);
  return a;
}

void plain_conv2d_normed(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& factor, const Tensor& shift, double epsilon,
                         const Tensor& w, const Conv2dGeometry& geometry, Tensor& z, Tensor& z_mean, Tensor& z_variance) {
  check_conv2d_normed(x, mean, variance, factor, shift, epsilon, z);
  convolve(normalised_input(x, mean, variance, factor, shift, epsilon), w, geometry, z);
  batch_moments(z, z_mean, z_variance);
}

}  // namespace pliant::kernels
