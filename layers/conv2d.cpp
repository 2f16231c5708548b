#include "layers/conv2d.h"

namespace pliant {

const char* name_of(KernelShape shape) {
  switch (shape) {
    case KernelShape::full: return "full";
    case KernelShape::cross: return "cross";
    case KernelShape::centre: return "centre";
  }
  return "?";
}

Conv2d::Conv2d(ParameterStore& store, std::string layer_name, Dim in, ChannelAxis& out, const Conv2dOptions& options)
    : Layer(std::move(layer_name)), options_(options), out_(out) {
  PLIANT_REQUIRE(ConfigError, !options.depthwise || in.axis == &out, name(), ": a depthwise convolution keeps its channel axis");
  PLIANT_REQUIRE(ConfigError, options.depthwise || (options.groups >= 1 && in.size % options.groups == 0 && out.size() % options.groups == 0),
                 name(), ": ", options.groups, " groups do not divide ", in.size, " and ", out.size(), " channels");
  PLIANT_REQUIRE(ConfigError, options.shape == KernelShape::full || options.shapeable(), name(),
                 ": only a 3 x 3 filter with padding 1, neither grouped nor dilated, can have the shape ", name_of(options.shape));
  if (options.shape == KernelShape::centre) options_.kernel = 1, options_.padding = 0;
  const bool cross = options.shape == KernelShape::cross;
  // A grouped filter stores the channels of one group; with more than one group that is not a part of the axis.
  const Dim filter_in = options.depthwise ? Dim(1) : options.groups == 1 ? in : Dim(in.size / options.groups);
  weight_ = &store.add(name() + ".weight", Role::filter, {Dim(out), cross ? 5 : options_.kernel, cross ? 1 : options_.kernel, filter_in});
  if (options.bias) bias_ = &store.add(name() + ".bias", Role::bias, {Dim(out)});
}

Conv2dGeometry Conv2d::geometry(int width) const {
  const int groups = options_.depthwise ? static_cast<int>(out_.active(width)) : options_.groups;
  return {options_.stride, options_.padding, options_.dilation, groups};
}

Var Conv2d::fused(Pass& pass, const Var& x, const Var& residual, Activation f) const {
  const Var bias = bias_ ? use(pass, *bias_) : Var{};
  return apply_mask(pass, out_, conv2d_fused(x, use(pass, *weight_), bias, geometry(pass.select.width), f, residual));
}

Var Conv2d::forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const {
  const bool fusible = options_.activation == Activation::identity && (f == Activation::identity || f == Activation::relu);
  return fusible && fuses(pass) ? fused(pass, x, residual, f) : Layer::forward_onto(pass, x, residual, f);
}

Var Conv2d::forward(Pass& pass, const Var& x) const {
  if (fuses(pass)) return fused(pass, x, {}, options_.activation);
  const Var bias = bias_ ? use(pass, *bias_) : Var{};
  const Var w = use(pass, *weight_);
  const bool cross = options_.shape == KernelShape::cross;
  const Var y = cross ? conv2d_cross(x, w, bias, options_.stride) : conv2d(x, w, bias, geometry(pass.select.width));
  pass.show(name(), x.value, y.value);
  return apply_mask(pass, out_, options_.activation == Activation::identity ? y : activation(y, options_.activation));
}

std::optional<Filter> Conv2d::bare(Pass& pass) const {
  const bool alone = !bias_ && options_.activation == Activation::identity && options_.shape != KernelShape::cross && !is_masked(out_);
  if (!alone || pass.observer || pass.mode != Mode::train) return std::nullopt;
  return Filter{use(pass, *weight_), geometry(pass.select.width)};
}

Shape Conv2d::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  const Shape w = weight_->active_shape(select.width);
  Shape y;
  try {
    y = options_.shape == KernelShape::cross ? conv2d_cross_output_shape(x, w, options_.stride)
                                             : conv2d_output_shape(x, w, geometry(select.width));
  } catch (const ShapeError& error) {
    throw ShapeError(cat(name(), ": ", error.what()));
  }
  const std::int64_t parameters = w.size() + (bias_ ? active_count(*bias_, select.width) : 0);
  const char* type = options_.depthwise ? "depthwise conv2d" : options_.shape == KernelShape::cross ? "cross conv2d" : "conv2d";
  rows.push_back({name(), type, y, parameters, y.size() * w[1] * w[2] * w[3], 0, geometry(select.width), 0, x, w});
  return y;
}

}  // namespace pliant
