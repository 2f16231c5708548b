#include "layers/functional.h"

namespace pliant {

Var max_pool(const Var& x, const PoolGeometry& geometry) {
  const Shape shape = pool_output_shape(x.value.shape(), geometry);
  Tensor y(x.value.context(), shape, x.value.dtype()), chosen(x.value.context(), shape, DType::i32);
  kernels::max_pool_forward(x.value, geometry, y, chosen);
  return record("max_pool", {&x}, y,
                [in = x.slot, before = x.value.shape(), chosen, geometry](const Tensor& dy, Gradients& grads) {
                  Tensor dx(dy.context(), before, dy.dtype());
                  kernels::max_pool_backward(dy, chosen, geometry, dx);
                  grads.add(in, std::move(dx));
                });
}

Var average_pool(const Var& x, const PoolGeometry& geometry) {
  Tensor y(x.value.context(), pool_output_shape(x.value.shape(), geometry), x.value.dtype());
  kernels::average_pool_forward(x.value, geometry, y);
  return record("average_pool", {&x}, y,
                [in = x.slot, before = x.value.shape(), geometry](const Tensor& dy, Gradients& grads) {
                  Tensor dx(dy.context(), before, dy.dtype());
                  kernels::average_pool_backward(dy, geometry, dx);
                  grads.add(in, std::move(dx));
                });
}

Var global_average_pool(const Var& x) {
  PLIANT_REQUIRE(ShapeError, x.value.shape().rank() == 4, "global_average_pool: needs [N, H, W, C], got ",
                 x.value.shape());
  Tensor y(x.value.context(), {x.value.shape()[0], x.value.shape()[3]}, x.value.dtype());
  kernels::global_average_pool_forward(x.value, y);
  return record("global_average_pool", {&x}, y,
                [in = x.slot, before = x.value.shape()](const Tensor& dy, Gradients& grads) {
                  Tensor dx(dy.context(), before, dy.dtype());
                  kernels::global_average_pool_backward(dy, dx);
                  grads.add(in, std::move(dx));
                });
}

Var local_response_norm(const Var& x, const LocalResponseNorm& options) {
  Tensor y = Tensor::like(x.value), b(x.value.context(), x.value.shape(), accumulation_dtype(x.value.dtype()));
  kernels::local_response_norm_forward(x.value, options, y, b);
  return record("local_response_norm", {&x}, y,
                [in = x.slot, x = x.value, y, b, options](const Tensor& dy, Gradients& grads) {
                  Tensor dx = Tensor::like(dy);
                  kernels::local_response_norm_backward(dy, x, y, b, options, dx);
                  grads.add(in, std::move(dx));
                });
}

}  // namespace pliant
