// Chooses the convolution of the CPU: f32, and bf16 where the processor multiplies it, go to oneDNN where the build has it; other 16-bit
// types are computed in f32, f64 by the specification.
#include "kernels/conv2d_checks.h"
#include "kernels/cpu/conv2d_direct.h"
#include "kernels/cpu/conv2d_onednn.h"
#include "kernels/cpu/through_f32.h"

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
    if (conv2d_onednn_forward(x, w, bias, geometry, y)) return;
  }
  if (!is_16_bit(x.dtype())) return conv2d_direct_forward(x, w, bias, geometry, y);
  check_conv2d("conv2d", x, w, bias, y, geometry);
  through_f32(conv2d_forward, x, w, bias, geometry, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  if constexpr (kOneDnn) {
    if (conv2d_onednn_backward_data(dy, w, geometry, dx)) return;
  }
  if (!is_16_bit(dy.dtype())) return conv2d_direct_backward_data(dy, w, geometry, dx);
  check_conv2d("gradient of conv2d", dx, w, {}, dy, geometry);
  through_f32(conv2d_backward_data, dy, w, geometry, dx);
}

void conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  if constexpr (kOneDnn) {
    if (conv2d_onednn_backward_filter(dy, x, geometry, dw)) return;
  }
  if (!is_16_bit(dy.dtype())) return conv2d_direct_backward_filter(dy, x, geometry, dw);
  check_conv2d("gradient of conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  through_f32(conv2d_backward_filter, dy, x, geometry, dw);
}

}  // namespace pliant::kernels::cpu
