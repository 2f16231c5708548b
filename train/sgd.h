// Stochastic gradient descent over the arenas of a net: one launch per step (kernels/sgd.h has the formula).
#pragma once

#include <string>
#include <vector>

#include "core/parameter.h"

namespace pliant {

struct SgdOptions {
  double momentum = 0.9, weight_decay = 0.0;
  bool nesterov = false;
  bool decay_all = true;   // false: scales and shifts of batch norm and biases do not decay
  double l1 = 0.0;         // penalty l1 |w| on filters and weights
};

class Sgd {
 public:
  // Takes each parameter's frozen flag and mask as they are now. The store must be allocated and outlive this.
  Sgd(ParameterStore& store, const SgdOptions& options);

  void zero_gradients() { store_.gradients().zero(); }
  void step(double rate);

  // Momentum, in an arena like the values; a view per parameter with velocity_of().
  Tensor& velocity() { return velocity_; }
  Tensor velocity_of(const Parameter& parameter) const { return velocity_.view(parameter.offset, parameter.shape()); }

 private:
  ParameterStore& store_;
  SgdOptions options_;
  Tensor velocity_, rules_, mask_, scalars_;
};

}  // namespace pliant
