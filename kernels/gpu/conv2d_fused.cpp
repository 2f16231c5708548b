// cuDNN's plan, or the hand-written kernel, with the bias, and a pass each for the residual and the activation.
#include "kernels/conv2d_checks.h"

namespace pliant::kernels::gpu {

void conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                  const Conv2dGeometry& geometry, Tensor& y) {
  check_conv2d_fused(residual, f, y);
  (is_depthwise(x, w, geometry) ? depthwise_conv2d_forward : conv2d_forward)(x, w, bias, geometry, y);
  if (residual) add(y, residual, 1.0, y);
  if (f != Activation::identity) activation_forward(y, f, y);
}

}  // namespace pliant::kernels::gpu
