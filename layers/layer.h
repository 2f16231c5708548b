// A layer turns one Var into another. It owns its children and refers to parameters that a ParameterStore owns; forward()
// changes nothing but batch-norm statistics.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "core/parameter.h"
#include "layers/functional.h"
#include "layers/pass.h"

namespace pliant {

// What a layer costs for one input. MACs are the multiply-accumulates of convolutions and linear layers alone.
struct LayerCost {
  std::string name, type;
  Shape output;                    // with a batch of one
  std::int64_t parameters = 0;     // trainable scalars in use: weights, biases, batch-norm scale and shift
  std::int64_t macs = 0;
  std::int64_t statistics = 0;     // running means and variances in use
  Conv2dGeometry geometry{};       // of a convolution
  std::int64_t window = 0;         // of a pool: inputs per output
  Shape input, filter;             // of a convolution: what it reads with a batch of one, and its weight in use
};

class Layer {
 public:
  explicit Layer(std::string name) : name_(std::move(name)) {}
  virtual ~Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;

  const std::string& name() const { return name_; }

  virtual Var forward(Pass& pass, const Var& x) const = 0;

  // f(forward(x) + residual). Layers that can fuse the three override it.
  virtual Var forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const;

  // Adds a row for this layer and its children to `rows`; returns the output shape for input shape x (batch of one).
  // Throws ShapeError naming the layer if x does not fit.
  virtual Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const = 0;

  // Convolutions on the longest path through the layer, as papers count depth.
  virtual int convolutions() const { return 0; }

 private:
  std::string name_;
};
using LayerPtr = std::unique_ptr<Layer>;

class Sequential : public Layer {
 public:
  using Layer::Layer;
  void add(LayerPtr layer) { layers_.push_back(std::move(layer)); }
  bool empty() const { return layers_.empty(); }
  Var forward(Pass& pass, const Var& x) const override;
  Var forward_onto(Pass& pass, const Var& x, const Var& residual, Activation f) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;
  int convolutions() const override;

 private:
  std::vector<LayerPtr> layers_;
};

// The part of a parameter that is active in this pass: the parameter itself (filters and weights in the type the net computes in,
// Parameter::computed), or a packed copy whose gradient adds into it.
Var use(Pass& pass, Parameter& parameter);
// The active part of a buffer with one dimension: its own memory where that part is contiguous, else a copy that write_back()
// puts in its place.
class ActiveBuffer {
 public:
  ActiveBuffer(Pass& pass, Parameter& buffer);
  Tensor& value() { return value_; }
  void write_back();

 private:
  Parameter& buffer_;
  std::vector<Tensor> indices_;  // empty: value_ shares the buffer's memory
  Tensor value_, before_;
};
bool is_masked(const ChannelAxis& axis);  // by its own mask or one of the parts it is made of
// x with the masked channels of the axis, and of the parts it is made of, set to zero; x itself where there is no mask.
Var apply_mask(Pass& pass, const ChannelAxis& axis, const Var& x);
// Active scalars of a parameter at a width, for cost().
std::int64_t active_count(const Parameter& parameter, int width);

}  // namespace pliant
