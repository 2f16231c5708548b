// A linear layer over a whole map: its weight {K, H, W, C} is a filter as large as its input, so that its last dimension lies on
// the channel axis even after a flatten. A vector [N, C] is a map of one pixel.
#pragma once

#include "layers/layer.h"

namespace pliant {

class Linear : public Layer {
 public:
  // Declares NAME.weight {out, height, width, in} and, on request, NAME.bias {out}. out is fixed (classes) or an axis.
  Linear(ParameterStore& store, std::string name, std::int64_t height, std::int64_t width, Dim in, Dim out, bool bias = true);

  Var forward(Pass& pass, const Var& x) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  Parameter* weight_;
  Parameter* bias_ = nullptr;
};

}  // namespace pliant
