#include "layers/residual.h"

namespace pliant {

Residual::Residual(std::string layer_name, int block, LayerPtr branch, LayerPtr shortcut, double survival)
    : Layer(std::move(layer_name)), block_(block), branch_(std::move(branch)), shortcut_(std::move(shortcut)), survival_(survival) {
  PLIANT_REQUIRE(ConfigError, survival > 0.0 && survival <= 1.0, name(), ": the survival probability lies in (0, 1], got ", survival);
}

Var Residual::forward(Pass& pass, const Var& x) const {
  const Var skip = shortcut_ ? shortcut_->forward(pass, x) : x;
  if (pass.select.dropped.contains(block_)) return activation(skip, Activation::relu);
  const double factor = pass.mode == Mode::eval ? survival_ : 1.0;
  if (factor == 1.0) return branch_->forward_onto(pass, x, skip, Activation::relu);
  return activation(add(skip, branch_->forward(pass, x), factor), Activation::relu);
}

Shape Residual::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  const Shape skip = shortcut_ ? shortcut_->cost(select, x, rows) : x;
  if (!select.dropped.contains(block_)) {
    const Shape y = branch_->cost(select, x, rows);
    PLIANT_REQUIRE(ShapeError, y == skip, name(), ": the branch gives ", y, ", the shortcut ", skip);
  }
  rows.push_back({name(), "add + relu", skip});
  return skip;
}

}  // namespace pliant
