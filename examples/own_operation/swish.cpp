#include "swish.h"

#include "kernels/channels.h"

using namespace pliant;

namespace own {

Var swish(const Var& x, const Var& slope) {
  Tensor y = Tensor::like(x.value);
  swish_forward(x.value, slope.value, y);
  return record("swish", {&x, &slope}, y, [x = x.value, s = slope.value, in = x.slot, by = slope.slot](const Tensor& dy, Gradients& grads) {
    Tensor dx = Tensor::like(dy), terms(dy.context(), dy.shape(), s.dtype());
    swish_backward(dy, x, s, dx, terms);
    if (grads.wanted(by)) kernels::channel_sum(terms, grads.accumulator(by, s));
    if (grads.wanted(in)) grads.add(in, std::move(dx));
  });
}

// Role::scale starts as 1. The dimension lies on the axis, so widths, masks and removal of its channels reach the slopes.
Swish::Swish(ParameterStore& store, std::string layer_name, ChannelAxis& axis)
    : Layer(std::move(layer_name)), slope_(&store.add(name() + ".slope", Role::scale, {Dim(axis)})) {}

Var Swish::forward(Pass& pass, const Var& x) const { return swish(x, use(pass, *slope_)); }

Shape Swish::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  rows.push_back({name(), "swish", x, active_count(*slope_, select.width)});
  return x;
}

}  // namespace own
