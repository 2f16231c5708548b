#include "kernels/channels.h"
#include "kernels/conv2d_checks.h"
#include "kernels/matrix_product.h"
#include "layers/functional/recorded.h"

namespace pliant {

namespace {

// The gradient of the bias is the sum of dy over everything but the channels.
void add_bias_gradient(const Tensor& dy, Slot slot, const Tensor& bias, Gradients& grads) {
  if (bias && grads.wanted(slot)) kernels::channel_sum(dy, grads.accumulator(slot, bias));
}

// What the gradient of `other` will need of a tensor; nothing where nobody wants that gradient.
Tensor keep_for(const Var& other, const Tensor& tensor) { return other.slot.index >= 0 ? tensor : Tensor(); }

}  // namespace

Var recorded_conv2d(const Var& x, const Var& w, const Var& bias, const Conv2dGeometry& geometry, const Tensor& y) {
  const bool depthwise = kernels::is_depthwise(x.value, w.value, geometry);
  return record(depthwise ? "depthwise_conv2d" : "conv2d", {&x, &w, &bias}, y,
                [geometry, depthwise, x_shape = x.value.shape(), x_kept = keep_for(w, x.value), w_kept = keep_for(x, w.value),
                 w_like = w.value, b = bias.value, x_slot = x.slot, w_slot = w.slot,
                 b_slot = bias.slot](const Tensor& dy, Gradients& grads) {
                  add_bias_gradient(dy, b_slot, b, grads);
                  if (grads.wanted(w_slot)) {
                    (depthwise ? kernels::depthwise_conv2d_backward_filter : kernels::conv2d_backward_filter)(
                        dy, x_kept, geometry, grads.accumulator(w_slot, w_like));
                  }
                  if (!grads.wanted(x_slot)) return;
                  Tensor dx(dy.context(), x_shape, dy.dtype());
                  (depthwise ? kernels::depthwise_conv2d_backward_data : kernels::conv2d_backward_data)(dy, w_kept, geometry, dx);
                  grads.add(x_slot, std::move(dx));
                });
}

Var conv2d(const Var& x, const Var& w, const Var& bias, const Conv2dGeometry& geometry) {
  Tensor y(x.value.context(), conv2d_output_shape(x.value.shape(), w.value.shape(), geometry), x.value.dtype());
  (kernels::is_depthwise(x.value, w.value, geometry) ? kernels::depthwise_conv2d_forward : kernels::conv2d_forward)(x.value, w.value, bias.value, geometry, y);
  return recorded_conv2d(x, w, bias, geometry, y);
}

Var conv2d_fused(const Var& x, const Var& w, const Var& bias, const Conv2dGeometry& geometry, Activation f, const Var& residual) {
  Tensor y(x.value.context(), conv2d_output_shape(x.value.shape(), w.value.shape(), geometry), x.value.dtype());
  kernels::conv2d_fused(x.value, w.value, bias.value, residual.value, f, geometry, y);
  return {y};
}

Var conv2d_cross(const Var& x, const Var& w, const Var& bias, int stride) {
  Tensor y(x.value.context(), conv2d_cross_output_shape(x.value.shape(), w.value.shape(), stride), x.value.dtype());
  kernels::conv2d_cross_forward(x.value, w.value, bias.value, stride, y);
  return record("conv2d_cross", {&x, &w, &bias}, y,
                [stride, x_shape = x.value.shape(), x_kept = keep_for(w, x.value), w_kept = keep_for(x, w.value), w_like = w.value,
                 b = bias.value, x_slot = x.slot, w_slot = w.slot, b_slot = bias.slot](const Tensor& dy, Gradients& grads) {
                  add_bias_gradient(dy, b_slot, b, grads);
                  if (grads.wanted(w_slot)) kernels::conv2d_cross_backward_filter(dy, x_kept, stride, grads.accumulator(w_slot, w_like));
                  if (!grads.wanted(x_slot)) return;
                  Tensor dx(dy.context(), x_shape, dy.dtype());
                  kernels::conv2d_cross_backward_data(dy, w_kept, stride, dx);
                  grads.add(x_slot, std::move(dx));
                });
}

Var linear(const Var& x, const Var& w, const Var& bias) {
  const Shape &x_shape = x.value.shape(), &w_shape = w.value.shape();
  PLIANT_REQUIRE(ShapeError, x_shape.rank() >= 1 && w_shape.rank() >= 1, "linear: x ", x_shape, " and w ", w_shape,
                 " must be [N, ...] and [K, ...]");
  const auto columns = [](const Shape& shape) {
    std::int64_t count = 1;
    for (int i = 1; i < shape.rank(); ++i) count *= shape[i];
    return count;
  };
  PLIANT_REQUIRE(ShapeError, columns(x_shape) == columns(w_shape), "linear: x ", x_shape, " has ", columns(x_shape),
                 " values per sample, w ", w_shape, " expects ", columns(w_shape));
  const Shape x_rows{x_shape[0], columns(x_shape)}, w_rows{w_shape[0], columns(w_shape)};
  Tensor y(x.value.context(), {x_shape[0], w_shape[0]}, x.value.dtype());
  ProductOptions transpose_w;
  transpose_w.transpose_b = true;
  kernels::matrix_product(x.value.reshape(x_rows), w.value.reshape(w_rows), bias.value, transpose_w, y);
  return record("linear", {&x, &w, &bias}, y,
                [x_rows, w_rows, x_shape, x_kept = keep_for(w, x.value), w_kept = keep_for(x, w.value), w_like = w.value,
                 b = bias.value, x_slot = x.slot, w_slot = w.slot, b_slot = bias.slot](const Tensor& dy, Gradients& grads) {
                  add_bias_gradient(dy, b_slot, b, grads);
                  if (grads.wanted(w_slot)) {  // dw += dy^T x
                    ProductOptions options;
                    options.transpose_a = options.accumulate = true;
                    Tensor dw = grads.accumulator(w_slot, w_like).reshape(w_rows);
                    kernels::matrix_product(dy, x_kept.reshape(x_rows), {}, options, dw);
                  }
                  if (!grads.wanted(x_slot)) return;
                  Tensor dx(dy.context(), x_rows, dy.dtype());
                  kernels::matrix_product(dy, w_kept.reshape(w_rows), {}, {}, dx);
                  grads.add(x_slot, dx.reshape(x_shape));
                });
}

}  // namespace pliant
