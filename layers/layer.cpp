#include "layers/layer.h"

#include <algorithm>

#include "core/memory_ops.h"
#include "kernels/channels.h"
#include "kernels/elementwise.h"
#include "kernels/pack.h"

namespace pliant {

Var Layer::forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const {
  return activation(add(residual, forward(pass, x)), f);
}

Var Sequential::forward(Pass& pass, const Var& x) const {
  Var y = x;
  for (const LayerPtr& layer : layers_) y = layer->forward(pass, y);
  return y;
}

Var Sequential::forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const {
  PLIANT_REQUIRE(ConfigError, !layers_.empty(), name(), ": a branch needs at least one layer");
  Var y = x;
  for (std::size_t i = 0; i + 1 < layers_.size(); ++i) y = layers_[i]->forward(pass, y);
  return layers_.back()->forward_onto(pass, y, residual, f);
}

Shape Sequential::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  Shape y = x;
  for (const LayerPtr& layer : layers_) y = layer->cost(select, y, rows);
  return y;
}

int Sequential::convolutions() const {
  int sum = 0;
  for (const LayerPtr& layer : layers_) sum += layer->convolutions();
  return sum;
}

namespace {

bool is_whole(const std::vector<Tensor>& indices) {
  for (const Tensor& index : indices) {
    if (index) return false;
  }
  return true;
}

}  // namespace

Var use(Pass& pass, Parameter& parameter) {
  Var whole = pass.tape ? pass.tape->parameter(parameter) : Var{parameter.value};
  whole.value = parameter.computed();
  const std::vector<Tensor> indices = parameter.active_indices(pass.select.width);
  return is_whole(indices) ? whole : pack(whole, indices);
}

ActiveBuffer::ActiveBuffer(Pass& pass, Parameter& buffer) : buffer_(buffer) {
  PLIANT_INVARIANT(buffer.dims.size() == 1, buffer.name);
  std::vector<Tensor> indices = buffer.active_indices(pass.select.width);
  if (is_whole(indices)) {
    value_ = buffer.value;
    return;
  }
  const std::vector<Run> runs = buffer.dims[0].axis->runs(pass.select.width);
  if (runs.size() == 1) {
    value_ = buffer.value.rows(runs[0].first, runs[0].count);
    return;
  }
  indices_ = std::move(indices);
  value_ = Tensor(pass.context, buffer.active_shape(pass.select.width), buffer.value.dtype());
  kernels::pack(buffer.value, indices_, value_);
  before_ = value_.clone();
}

void ActiveBuffer::write_back() {
  if (indices_.empty()) return;
  Tensor change = Tensor::like(value_);
  kernels::add(value_, before_, -1.0, change);
  kernels::unpack_accumulate(change, indices_, buffer_.value);
}

bool is_masked(const ChannelAxis& axis) {
  return axis.mask || std::any_of(axis.parts().begin(), axis.parts().end(), [](const ChannelAxis* part) { return is_masked(*part); });
}

namespace {

// What an axis keeps: its own mask, and of a concatenation those of its parts side by side.
Tensor mask_of(Context& context, const ChannelAxis& axis, DType dtype) {
  if (axis.parts().empty()) {
    if (axis.mask) return axis.mask;
    Tensor ones(context, {axis.size()}, dtype);
    kernels::fill(ones, 1.0);
    return ones;
  }
  std::vector<Tensor> masks;
  for (const ChannelAxis* part : axis.parts()) masks.push_back(mask_of(context, *part, dtype));
  Tensor mask(context, {axis.size()}, dtype);
  kernels::concat_channels(masks, mask);
  if (axis.mask) kernels::mask_channels(mask, axis.mask, mask);
  return mask;
}

}  // namespace

Var apply_mask(Pass& pass, const ChannelAxis& axis, const Var& x) {
  if (!is_masked(axis)) return x;
  const Tensor mask = mask_of(pass.context, axis, accumulation_dtype(x.value.dtype()));
  const Tensor& index = axis.indices(pass.context, pass.select.width);
  if (!index) return mask_channels(x, mask);
  Tensor active(pass.context, {axis.active(pass.select.width)}, mask.dtype());
  kernels::pack(mask, {index}, active);
  return mask_channels(x, active);
}

std::int64_t active_count(const Parameter& parameter, int width) { return parameter.active_shape(width).size(); }

}  // namespace pliant
