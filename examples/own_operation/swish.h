// Swish with a slope per channel, an operation that Pliant does not have:  y = x sigmoid(slope x)   (Ramachandran, Zoph, Le, "Searching for
// activation functions", 2017, section 4: slopes are trained). Its parts: what both bodies share in swish_formula.h, the loops in
// swish_cpu.cpp, the kernels in swish.cu, the gradient and a layer in swish.cpp, its cases in check_swish.cpp.
#pragma once

#include "core/kernel.h"
#include "layers/layer.h"

namespace own {

using pliant::Tensor;

// y[..., c] = x[..., c] sigmoid(slope[c] x[..., c]).
// x, y [..., C] f32 | bf16 | f16, or f64 on the CPU; slope [C] f32 (f64 beside f64). y may be x. ShapeError for tensors that do not fit.
PLIANT_KERNEL(swish_forward, (const Tensor& x, const Tensor& slope, Tensor& y));

// With s = sigmoid(slope x):  dx = dy (s + slope x s (1 - s));  terms = dy x x s (1 - s), whose sum over all rows is the gradient of slope.
// dy, x, dx of one shape and dtype; terms of the same shape in the dtype of slope. dx may be dy.
PLIANT_KERNEL(swish_backward, (const Tensor& dy, const Tensor& x, const Tensor& slope, Tensor& dx, Tensor& terms));

// The differentiable function. x [..., C], slope [C].
pliant::Var swish(const pliant::Var& x, const pliant::Var& slope);

// The layer: one trained slope per channel of the axis, NAME.slope, which starts as 1 (SiLU).
class Swish : public pliant::Layer {
 public:
  Swish(pliant::ParameterStore& store, std::string name, pliant::ChannelAxis& axis);
  pliant::Var forward(pliant::Pass& pass, const pliant::Var& x) const override;
  pliant::Shape cost(const pliant::Selection& select, const pliant::Shape& x, std::vector<pliant::LayerCost>& rows) const override;

 private:
  pliant::Parameter* slope_;
};

}  // namespace own
