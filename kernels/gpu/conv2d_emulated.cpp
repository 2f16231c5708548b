// Without CUDA there is no library: the emulator runs the hand-written convolution.
#include "kernels/conv2d_normed_plain.h"
#include "kernels/gpu/conv2d_direct.h"
#include "kernels/gpu/conv2d_tail.h"

namespace pliant::kernels::gpu {

void conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  conv2d_direct_forward(x, w, bias, geometry, y);
}

void conv2d_dense_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                        const Conv2dGeometry& geometry, Tensor& y) {
  conv2d_direct_forward(x, w, bias, geometry, y);
  add_conv2d_tail(residual, f, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  conv2d_direct_backward_data(dy, w, geometry, dx);
}

void conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  conv2d_direct_backward_filter(dy, x, geometry, dw);
}

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

}  // namespace pliant::kernels::gpu
