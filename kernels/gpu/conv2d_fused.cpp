#include "kernels/conv2d_checks.h"
#include "kernels/gpu/conv2d_tail.h"

namespace pliant::kernels::gpu {

void add_conv2d_tail(const Tensor& residual, Activation f, Tensor& y) {
  if (residual) add(y, residual, 1.0, y);
  if (f != Activation::identity) activation_forward(y, f, y);
}

void conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                  const Conv2dGeometry& geometry, Tensor& y) {
  check_conv2d_fused(residual, f, y);
  if (!is_depthwise(x, w, geometry)) return conv2d_dense_fused(x, w, bias, residual, f, geometry, y);
  depthwise_conv2d_forward(x, w, bias, geometry, y);
  add_conv2d_tail(residual, f, y);
}

}  // namespace pliant::kernels::gpu
