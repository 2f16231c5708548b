#include "kernels/channels.h"

#include "kernels/pack.h"
#include "layers/functional.h"

namespace pliant {

Var concat_channels(const std::vector<Var>& parts) {
  PLIANT_REQUIRE(ShapeError, !parts.empty(), "concat_channels: no parts");
  std::vector<Tensor> values;
  std::vector<Slot> slots;
  std::vector<Shape> shapes;
  std::int64_t channels = 0;
  for (const Var& part : parts) {
    values.push_back(part.value);
    slots.push_back(part.slot);
    shapes.push_back(part.value.shape());
    channels += part.value.shape()[-1];
  }
  Shape shape = shapes.front();
  shape.set(shape.rank() - 1, channels);
  Tensor y(values.front().context(), shape, values.front().dtype());
  kernels::concat_channels(values, y);
  return record("concat_channels", parts, y, [slots, shapes](const Tensor& dy, Gradients& grads) {
    std::vector<Tensor> gradients;
    for (const Shape& part : shapes) gradients.emplace_back(dy.context(), part, dy.dtype());
    kernels::split_channels(dy, gradients);
    for (std::size_t i = 0; i < slots.size(); ++i) grads.add(slots[i], std::move(gradients[i]));
  });
}

Var gather_channels(const Var& x, const Tensor& index) {
  Shape shape = x.value.shape();
  const std::int64_t channels = shape[-1];
  shape.set(shape.rank() - 1, index.size());
  Tensor y(x.value.context(), shape, x.value.dtype());
  kernels::gather_channels(x.value, index, y);
  return record("gather_channels", {&x}, y, [in = x.slot, index, channels](const Tensor& dy, Gradients& grads) {
    Shape before = dy.shape();
    before.set(before.rank() - 1, channels);
    Tensor dx(dy.context(), before, dy.dtype());
    kernels::scatter_channels(dy, index, dx);
    grads.add(in, std::move(dx));
  });
}

Var mask_channels(const Var& x, const Tensor& mask) {
  Tensor y = Tensor::like(x.value);
  kernels::mask_channels(x.value, mask, y);
  return record("mask_channels", {&x}, y, [in = x.slot, mask](const Tensor& dy, Gradients& grads) {
    Tensor dx = Tensor::like(dy);
    kernels::mask_channels(dy, mask, dx);
    grads.add(in, std::move(dx));
  });
}

Var pack(const Var& x, const std::vector<Tensor>& indices) {
  Shape shape = x.value.shape();
  bool whole = true;
  for (std::size_t i = 0; i < indices.size(); ++i) {
    if (!indices[i]) continue;
    whole = false;
    shape.set(static_cast<int>(i), indices[i].size());
  }
  if (whole) return x;
  Tensor y(x.value.context(), shape, x.value.dtype());
  kernels::pack(x.value, indices, y);
  return record("pack", {&x}, y, [in = x.slot, indices, value = x.value](const Tensor& dy, Gradients& grads) {
    kernels::unpack_accumulate(dy, indices, grads.accumulator(in, value));
  });
}

}  // namespace pliant
