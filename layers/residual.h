// A residual block:  y = f(shortcut(x) + b branch(x))   (He et al., 2016), with stochastic depth (Huang et al., 2016, eq. 2 and 5).
// Training: a block that the Selection drops is f(shortcut(x)) and its branch does no work; an open one counts in full. Eval: the
// branch counts with its survival probability. Survival 1 is the ordinary block. On request the branch is multiplied by one trained
// factor s (Huang and Wang, 2018): y = f(shortcut(x) + s b branch(x)). A branch whose factor is 0 still runs: removal is nets/compact.h's.
#pragma once

#include "layers/layer.h"

namespace pliant {

struct ResidualOptions {
  double survival = 1.0;           // in (0, 1]
  bool gate_per_sample = false;    // "drop path": the branch runs on the whole batch, each sample keeps or loses it
  bool scale_in_training = false;  // an open branch counts 1 / survival in training, and 1 in eval mode: the same expectation
  Activation activation = Activation::relu;
  Parameter* scale = nullptr;      // {1}: a factor of the branch that is trained; null: none
};

class Residual : public Layer {
 public:
  // block: the index by which a Selection drops it. shortcut may be null: the identity. branch may be null: it was removed.
  Residual(std::string name, int block, LayerPtr branch, LayerPtr shortcut, const ResidualOptions& options = {});

  Var forward(Pass& pass, const Var& x) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;
  int convolutions() const override;

 private:
  Var scaled_branch(Pass& pass, const Var& x) const;
  Var skip(Pass& pass, const Var& x) const;
  Var open(Pass& pass, const Var& x) const;

  int block_;
  LayerPtr branch_, shortcut_;
  ResidualOptions options_;
};

}  // namespace pliant
