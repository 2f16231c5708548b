// Batch normalisation with one or more sets of scale, shift and statistics ("switchable", Yu et al., "Slimmable neural
// networks", 2019). Set k serves width k where the net has several widths. One set is the ordinary layer; one set and several
// widths is the naive variant, whose statistics fit no width.
#pragma once

#include "layers/conv2d.h"

namespace pliant {

struct BatchNormOptions {
  Activation activation = Activation::identity;  // identity or relu, fused
  int sets = 1;
  bool shared_scale_shift = false;               // the sets differ in their statistics alone
  double momentum = 0.1, epsilon = 1e-5;         // running = (1 - momentum) running + momentum batch
};

class BatchNorm : public Layer {
 public:
  // Declares NAME.weight, .bias, .running_mean, .running_var for set 0 and NAME.set1.weight, ... for the others, without weight
  // and bias where scale and shift are shared.
  BatchNorm(ParameterStore& store, std::string name, ChannelAxis& axis, const BatchNormOptions& options);

  Var forward(Pass& pass, const Var& x) const override;
  Var forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const override;
  // The two in training, of the convolution of x with the filter. The second where fuses_onto(f).
  Var forward_behind(const Filter& filter, Pass& pass, const Var& x) const;
  Var forward_behind(const Filter& filter, Pass& pass, const Var& x, const Var& residual, Activation f) const;
  bool fuses_onto(Activation f) const;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  struct Set {
    Parameter *scale, *shift, *mean, *variance;
  };
  const Set& set(const Selection& select) const;
  Var normalise(Pass& pass, const Filter* filter, const Var& x, const Var& residual, Activation f) const;  // null: x itself

  BatchNormOptions options_;
  ChannelAxis& axis_;
  std::vector<Set> sets_;
};

}  // namespace pliant
