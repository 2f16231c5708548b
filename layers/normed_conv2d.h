// A convolution and the batch normalisation of what it writes, as one layer: in training one operation (kernels/conv2d_normed.h) where
// nothing comes between the two. Declares nothing; the two layers have their own names, parameters and costs.
#pragma once

#include "layers/batch_norm.h"
#include "layers/conv2d.h"

namespace pliant {

class NormedConv2d : public Layer {
 public:
  NormedConv2d(std::unique_ptr<Conv2d> conv, std::unique_ptr<BatchNorm> norm);  // named as the convolution

  Var forward(Pass& pass, const Var& x) const override;
  Var forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;
  int convolutions() const override { return conv_->convolutions(); }

 private:
  std::unique_ptr<Conv2d> conv_;
  std::unique_ptr<BatchNorm> norm_;
};

}  // namespace pliant
