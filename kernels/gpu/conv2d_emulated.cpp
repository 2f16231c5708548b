// Without CUDA there is no library: the emulator runs the hand-written convolution.
#include "kernels/conv2d.h"
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

}  // namespace pliant::kernels::gpu
