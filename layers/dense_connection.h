// The layer of densely connected nets:  y = [x, branch(x)]  (Huang et al., "Densely connected convolutional networks", 2017, eq. 2).
#pragma once

#include "layers/layer.h"

namespace pliant {

class DenseConnection : public Layer {
 public:
  DenseConnection(std::string name, LayerPtr branch) : Layer(std::move(name)), branch_(std::move(branch)) {}

  Var forward(Pass& pass, const Var& x) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;
  int convolutions() const override { return branch_->convolutions(); }

 private:
  LayerPtr branch_;
};

}  // namespace pliant
