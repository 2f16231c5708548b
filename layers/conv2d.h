// Convolution, with bias and activation where they are asked for. The number of groups of a depthwise convolution follows its active channels.
#pragma once

#include <cstdint>
#include <optional>

#include "layers/layer.h"

namespace pliant {

// What a 3x3 filter with padding 1 keeps of its taps: all, the five of a cross (kernels/conv2d_cross.h), or the one in the centre,
// which makes it a 1x1 convolution with the same stride.
enum class KernelShape : std::uint8_t { full, cross, centre };
const char* name_of(KernelShape shape);

struct Conv2dOptions {
  int kernel = 3, stride = 1, padding = 0, dilation = 1, groups = 1;
  bool bias = false;
  bool depthwise = false;  // one filter per channel: input and output axis are the same, groups is ignored
  KernelShape shape = KernelShape::full;
  Activation activation = Activation::identity;
  bool folded = false;     // of a net for inference (nets/fold.h): one fused operation where a pass has no tape

  // 3x3 with padding 1, neither grouped nor dilated: what can have another shape than full.
  bool shapeable() const { return kernel == 3 && padding == 1 && dilation == 1 && groups == 1 && !depthwise; }
};

// A convolution and nothing else: what a layer that follows it may compute with it.
struct Filter {
  Var w;
  Conv2dGeometry geometry;
};

class Conv2d : public Layer {
 public:
  // Declares NAME.weight {out, kernel, kernel, in / groups} (a cross: {out, 5, 1, in}; a centre: {out, 1, 1, in}) and, on request,
  // NAME.bias. in is fixed (an image) or an axis. Throws ConfigError for a shape that the options cannot have.
  Conv2d(ParameterStore& store, std::string name, Dim in, ChannelAxis& out, const Conv2dOptions& options);

  Var forward(Pass& pass, const Var& x) const override;
  Var forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;
  int convolutions() const override { return 1; }

  // What forward() is in a training pass where it is a convolution alone: no bias, activation, mask or observer, no cross. Else nothing.
  std::optional<Filter> bare(Pass& pass) const;

 private:
  Conv2dGeometry geometry(int width) const;
  Var fused(Pass& pass, const Var& x, const Var& residual, Activation f) const;
  bool fuses(const Pass& pass) const { return options_.folded && !pass.tape && !pass.observer && options_.shape != KernelShape::cross; }

  Conv2dOptions options_;
  ChannelAxis& out_;
  Parameter* weight_;
  Parameter* bias_ = nullptr;
};

}  // namespace pliant
