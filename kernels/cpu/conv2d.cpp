// Chooses the convolution of the CPU: f32 goes to oneDNN where the build has it, everything else to the specification.
#include "kernels/conv2d.h"

#include "kernels/cpu/conv2d_direct.h"
#include "kernels/cpu/conv2d_onednn.h"

namespace pliant::kernels::cpu {

namespace {

#if defined(PLIANT_WITH_ONEDNN)
constexpr bool kOneDnn = true;
#else
constexpr bool kOneDnn = false;
#endif

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  if constexpr (kOneDnn) {
    if (x.dtype() == DType::f32) return conv2d_onednn_forward(x, w, bias, geometry, y);
  }
  conv2d_direct_forward(x, w, bias, geometry, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  if constexpr (kOneDnn) {
    if (dy.dtype() == DType::f32) return conv2d_onednn_backward_data(dy, w, geometry, dx);
  }
  conv2d_direct_backward_data(dy, w, geometry, dx);
}

void conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  if constexpr (kOneDnn) {
    if (dy.dtype() == DType::f32) return conv2d_onednn_backward_filter(dy, x, geometry, dw);
  }
  conv2d_direct_backward_filter(dy, x, geometry, dw);
}

}  // namespace pliant::kernels::cpu
