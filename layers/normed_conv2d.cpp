#include "layers/normed_conv2d.h"

namespace pliant {

NormedConv2d::NormedConv2d(std::unique_ptr<Conv2d> conv, std::unique_ptr<BatchNorm> norm)
    : Layer(conv->name()), conv_(std::move(conv)), norm_(std::move(norm)) {}

Var NormedConv2d::forward(Pass& pass, const Var& x) const {
  const std::optional<Filter> filter = conv_->bare(pass);
  return filter ? norm_->forward_behind(*filter, pass, x) : norm_->forward(pass, conv_->forward(pass, x));
}

Var NormedConv2d::forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const {
  const std::optional<Filter> filter = norm_->fuses_onto(f) ? conv_->bare(pass) : std::nullopt;
  return filter ? norm_->forward_behind(*filter, pass, x, residual, f) : norm_->forward_onto(pass, conv_->forward(pass, x), residual, f);
}

Shape NormedConv2d::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  return norm_->cost(select, conv_->cost(select, x, rows), rows);
}

}  // namespace pliant
