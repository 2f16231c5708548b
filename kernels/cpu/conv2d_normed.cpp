#include "kernels/conv2d_normed_plain.h"

namespace pliant::kernels::cpu {

void conv2d_batch_norm_train(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, const Tensor& scale, const Tensor& shift,
                             const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                             Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& z, Tensor& y) {
  plain_conv2d_batch_norm_train(x, w, geometry, scale, shift, residual, f, momentum, epsilon, running_mean, running_variance, mean,
                                inverse_deviation, z, y);
}

void conv2d_normed(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon,
                   const Tensor& w, const Conv2dGeometry& geometry, Tensor& z, Tensor& z_mean, Tensor& z_variance) {
  plain_conv2d_normed(x, mean, variance, scale, shift, epsilon, w, geometry, z, z_mean, z_variance);
}

}  // namespace pliant::kernels::cpu
