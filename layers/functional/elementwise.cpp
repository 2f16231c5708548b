#include "core/memory_ops.h"
#include "kernels/reduce.h"
#include "layers/functional.h"

namespace pliant {

Var activation(const Var& x, Activation f) {
  return f == Activation::identity ? x : activation(x, f, Tensor::like(x.value));
}

Var activation(const Var& x, Activation f, Tensor y) {
  if (f == Activation::identity) {
    y.copy_from(x.value);
    return record("copy", {&x}, y, [in = x.slot](const Tensor& dy, Gradients& grads) { grads.add(in, dy); });
  }
  kernels::activation_forward(x.value, f, y);
  return record(name_of(f), {&x}, y, [in = x.slot, y, f](const Tensor& dy, Gradients& grads) {
    Tensor dx = Tensor::like(dy);
    kernels::activation_backward(dy, y, f, dx);
    grads.add(in, std::move(dx));
  });
}

Var add(const Var& a, const Var& b, double factor) {
  Tensor y = Tensor::like(a.value);
  kernels::add(a.value, b.value, factor, y);
  return record("add", {&a, &b}, y, [a = a.slot, b = b.slot, factor](const Tensor& dy, Gradients& grads) {
    grads.add(a, dy);
    if (!grads.wanted(b)) return;
    if (factor == 1.0) return grads.add(b, dy);
    Tensor db = Tensor::like(dy);
    kernels::scale(dy, factor, db);
    grads.add(b, std::move(db));
  });
}

Var scale(const Var& x, double factor) {
  Tensor y = Tensor::like(x.value);
  kernels::scale(x.value, factor, y);
  return record("scale", {&x}, y, [in = x.slot, factor](const Tensor& dy, Gradients& grads) {
    Tensor dx = Tensor::like(dy);
    kernels::scale(dy, factor, dx);
    grads.add(in, std::move(dx));
  });
}

Var scale_by(const Var& x, const Var& factor) {
  Tensor y = Tensor::like(x.value);
  kernels::scale_by(x.value, factor.value, y);
  const Tensor x_kept = factor.slot.index >= 0 ? x.value : Tensor();
  return record("scale_by", {&x, &factor}, y, [x_kept, s = factor.value, in = x.slot, by = factor.slot](const Tensor& dy, Gradients& grads) {
    if (grads.wanted(by)) kernels::accumulate_dot(dy, x_kept, grads.accumulator(by, s));
    if (!grads.wanted(in)) return;
    Tensor dx = Tensor::like(dy);
    kernels::scale_by(dy, s, dx);
    grads.add(in, std::move(dx));
  });
}

Var convert(const Var& x, DType dtype) {
  const DType before = x.value.dtype();
  if (before == dtype) return x;
  Tensor y(x.value.context(), x.value.shape(), dtype);
  kernels::cast(x.value, y);
  return record("convert", {&x}, y, [in = x.slot, before](const Tensor& dy, Gradients& grads) {
    Tensor dx(dy.context(), dy.shape(), before);
    kernels::cast(dy, dx);
    grads.add(in, std::move(dx));
  });
}

Var reshape(const Var& x, Shape shape) {
  return record("reshape", {&x}, x.value.reshape(shape),
                [in = x.slot, before = x.value.shape()](const Tensor& dy, Gradients& grads) { grads.add(in, dy.reshape(before)); });
}

}  // namespace pliant
