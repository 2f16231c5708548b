#include "layers/linear.h"

namespace pliant {

Linear::Linear(ParameterStore& store, std::string layer_name, std::int64_t height, std::int64_t width, Dim in, Dim out, bool bias)
    : Layer(std::move(layer_name)) {
  weight_ = &store.add(name() + ".weight", Role::weight, {out, height, width, in});
  if (bias) bias_ = &store.add(name() + ".bias", Role::bias, {out});
}

Var Linear::forward(Pass& pass, const Var& x) const {
  const Var y = linear(x, use(pass, *weight_), bias_ ? use(pass, *bias_) : Var{});
  pass.show(name(), x.value, y.value);
  const ChannelAxis* out = weight_->dims[0].axis;
  return out ? apply_mask(pass, *out, y) : y;
}

Shape Linear::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  const Shape w = weight_->active_shape(select.width);
  PLIANT_REQUIRE(ShapeError, x.size() == x[0] * w[1] * w[2] * w[3], name(), ": built for inputs of ", w[1], " x ", w[2], " x ", w[3],
                 ", got ", x);
  const Shape y{x[0], w[0]};
  rows.push_back({name(), "linear", y, w.size() + (bias_ ? active_count(*bias_, select.width) : 0), x[0] * w.size()});
  return y;
}

}  // namespace pliant
