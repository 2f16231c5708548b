// Convolution. The number of groups of a depthwise convolution follows its active channels.
#pragma once

#include "layers/layer.h"

namespace pliant {

struct Conv2dOptions {
  int kernel = 3, stride = 1, padding = 0, dilation = 1, groups = 1;
  bool bias = false;
  bool depthwise = false;  // one filter per channel: input and output axis are the same, groups is ignored
};

class Conv2d : public Layer {
 public:
  // Declares NAME.weight {out, kernel, kernel, in / groups} and, on request, NAME.bias. in is fixed (an image) or an axis.
  Conv2d(ParameterStore& store, std::string name, Dim in, ChannelAxis& out, const Conv2dOptions& options);

  Var forward(Pass& pass, const Var& x) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;
  int convolutions() const override { return 1; }

 private:
  Conv2dGeometry geometry(int width) const;

  Conv2dOptions options_;
  ChannelAxis& out_;
  Parameter* weight_;
  Parameter* bias_ = nullptr;
};

}  // namespace pliant
