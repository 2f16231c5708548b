// Chooses the convolution of the CPU: f32, and bf16 where the processor multiplies it, go to oneDNN where the build has it; other 16-bit
// types are computed in f32, f64 by the specification.
#include "kernels/conv2d_checks.h"
#include "kernels/cpu/conv2d_direct.h"
#include "kernels/cpu/conv2d_onednn.h"
#include "kernels/cpu/conv2d_pixel_products_onednn.h"
#include "kernels/cpu/through_f32.h"
#include "kernels/elementwise_formulas.h"

namespace pliant::kernels::cpu {

namespace {

#if defined(PLIANT_WITH_ONEDNN)
constexpr bool kOneDnn = true;
#else
constexpr bool kOneDnn = false;
#endif

constexpr std::int64_t kParallelSize = 1 << 15;  // below, a loop is not worth waking the other threads

// y = f(y + residual) in one pass.
void add_onto(const Tensor& residual, Activation f, Tensor& y) {
  dispatch_cpu_storage(y.dtype(), "conv2d_fused", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* added = residual.data<T>();
    T* out = y.data<T>();
    const std::int64_t size = y.size();
    dispatch_activation(f, [&](auto formula) {
#pragma omp parallel for if (size > kParallelSize)
      for (std::int64_t i = 0; i < size; ++i) out[i] = narrowed<T>(formula.forward(widened(out[i]) + widened(added[i])));
    });
  });
}

// f(conv2d + bias)
void forward_activated(const Tensor& x, const Tensor& w, const Tensor& bias, Activation f, const Conv2dGeometry& geometry, Tensor& y) {
  const bool depthwise = is_depthwise(x, w, geometry);
  if constexpr (kOneDnn) {
    if (!depthwise && !conv2d_by_pixel_products(x, w, geometry) && conv2d_onednn_inference(x, w, bias, f, geometry, y)) return;
  }
  (depthwise ? depthwise_conv2d_forward : conv2d_forward)(x, w, bias, geometry, y);
  if (f != Activation::identity) activation_forward(y, f, y);
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  if constexpr (kOneDnn) {
    if (conv2d_pixel_products_forward(x, w, bias, geometry, y) || conv2d_onednn_forward(x, w, bias, geometry, y)) return;
  }
  if (!is_16_bit(x.dtype())) return conv2d_direct_forward(x, w, bias, geometry, y);
  check_conv2d("conv2d", x, w, bias, y, geometry);
  through_f32(conv2d_forward, x, w, bias, geometry, y);
}

void conv2d_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                  const Conv2dGeometry& geometry, Tensor& y) {
  check_conv2d_fused(residual, f, y);
  forward_activated(x, w, bias, residual ? Activation::identity : f, geometry, y);
  if (residual) add_onto(residual, f, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  if constexpr (kOneDnn) {
    if (conv2d_pixel_products_backward_data(dy, w, geometry, dx) || conv2d_onednn_backward_data(dy, w, geometry, dx)) return;
  }
  if (!is_16_bit(dy.dtype())) return conv2d_direct_backward_data(dy, w, geometry, dx);
  check_conv2d("gradient of conv2d", dx, w, {}, dy, geometry);
  through_f32(conv2d_backward_data, dy, w, geometry, dx);
}

void conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  if constexpr (kOneDnn) {
    if (conv2d_pixel_products_backward_filter(dy, x, geometry, dw) || conv2d_onednn_backward_filter(dy, x, geometry, dw)) return;
  }
  if (!is_16_bit(dy.dtype())) return conv2d_direct_backward_filter(dy, x, geometry, dw);
  check_conv2d("gradient of conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  through_f32(conv2d_backward_filter, dy, x, geometry, dw);
}

}  // namespace pliant::kernels::cpu
