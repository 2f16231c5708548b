#include "layers/residual.h"

#include <algorithm>

#include "layers/block_states.h"

namespace pliant {

Residual::Residual(std::string layer_name, int block, LayerPtr branch, LayerPtr shortcut, const ResidualOptions& options)
    : Layer(std::move(layer_name)), block_(block), branch_(std::move(branch)), shortcut_(std::move(shortcut)), options_(options) {
  PLIANT_REQUIRE(ConfigError, options.survival > 0.0 && options.survival <= 1.0, name(), ": the survival probability lies in (0, 1], got ",
                 options.survival);
}

Var Residual::scaled_branch(Pass& pass, const Var& x) const {
  const Var y = branch_->forward(pass, x);
  return options_.scale ? scale_by(y, use(pass, *options_.scale)) : y;
}

Var Residual::skip(Pass& pass, const Var& x) const {
  const Var y = shortcut_ ? shortcut_->forward(pass, x) : x;
  pass.show(name(), y.value, y.value);
  return y;
}

Var Residual::forward(Pass& pass, const Var& x) const {
  const Activation f = options_.activation;
  if (branch_ && pass.states && pass.states->both(block_)) {
    return in_both_states(pass, x, block_, [this](Pass& inner, const Var& in) { return open(inner, in); },
                          [this, f](Pass& inner, const Var& in, const Tensor& y) { return activation(skip(inner, in), f, y); });
  }
  if (!branch_ || pass.select.dropped.contains(block_)) return activation(skip(pass, x), f);
  return open(pass, x);
}

Var Residual::open(Pass& pass, const Var& x) const {
  const Var skip = this->skip(pass, x);
  const Activation f = options_.activation;
  const double p = options_.survival;
  const bool train = pass.branches == Branches::of_mode ? pass.mode == Mode::train : pass.branches == Branches::as_in_training;
  const double factor = train ? (options_.scale_in_training ? 1.0 / p : 1.0) : (options_.scale_in_training ? 1.0 : p);
  if (train && options_.gate_per_sample && p < 1.0) {
    PLIANT_REQUIRE(ConfigError, pass.random_key && pass.samples, name(), ": a training pass needs its random key and sample ids");
    return activation(add(skip, drop_path(scaled_branch(pass, x), pass.random_key, pass.samples, block_, p, factor)), f);
  }
  if (factor == 1.0 && !options_.scale) return branch_->forward_onto(pass, x, skip, f);
  return activation(add(skip, scaled_branch(pass, x), factor), f);
}

Shape Residual::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  const Shape skip = shortcut_ ? shortcut_->cost(select, x, rows) : x;
  const bool runs = branch_ && !select.dropped.contains(block_);
  if (runs) {
    const Shape y = branch_->cost(select, x, rows);
    PLIANT_REQUIRE(ShapeError, y == skip, name(), ": the branch gives ", y, ", the shortcut ", skip);
  }
  rows.push_back({name(), options_.activation == Activation::relu ? "add + relu" : "add", skip, runs && options_.scale ? 1 : 0});
  return skip;
}

int Residual::convolutions() const { return std::max(branch_ ? branch_->convolutions() : 0, shortcut_ ? shortcut_->convolutions() : 0); }

}  // namespace pliant
