// A residual block:  y = f(shortcut(x) + branch(x))   (He et al., 2016), with stochastic depth (Huang et al., 2016):
// a block that the Selection drops is f(shortcut(x)) and its branch does no work; in eval mode the branch counts with its
// survival probability. Survival 1 is the ordinary block.
#pragma once

#include "layers/layer.h"

namespace pliant {

class Residual : public Layer {
 public:
  // block: the index by which a Selection drops it. shortcut may be null: the identity.
  Residual(std::string name, int block, LayerPtr branch, LayerPtr shortcut, double survival = 1.0);

  Var forward(Pass& pass, const Var& x) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  int block_;
  LayerPtr branch_, shortcut_;
  double survival_;
};

}  // namespace pliant
