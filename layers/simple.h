// Layers without parameters: activation, pooling, local response normalisation, dropout, channel maps.
#pragma once

#include "layers/layer.h"

namespace pliant {

class ActivationLayer : public Layer {
 public:
  ActivationLayer(std::string name, Activation f) : Layer(std::move(name)), f_(f) {}
  Var forward(Pass&, const Var& x) const override { return activation(x, f_); }
  Shape cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  Activation f_;
};

class MaxPool : public Layer {
 public:
  MaxPool(std::string name, const PoolGeometry& geometry) : Layer(std::move(name)), geometry_(geometry) {}
  Var forward(Pass&, const Var& x) const override { return max_pool(x, geometry_); }
  Shape cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  PoolGeometry geometry_;
};

class AveragePool : public Layer {
 public:
  AveragePool(std::string name, const PoolGeometry& geometry) : Layer(std::move(name)), geometry_(geometry) {}
  Var forward(Pass&, const Var& x) const override { return average_pool(x, geometry_); }
  Shape cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  PoolGeometry geometry_;
};

class GlobalAveragePool : public Layer {
 public:
  using Layer::Layer;
  Var forward(Pass&, const Var& x) const override { return global_average_pool(x); }
  Shape cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const override;
};

class LocalResponseNormLayer : public Layer {
 public:
  LocalResponseNormLayer(std::string name, const LocalResponseNorm& options) : Layer(std::move(name)), options_(options) {}
  Var forward(Pass&, const Var& x) const override { return local_response_norm(x, options_); }
  Shape cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  LocalResponseNorm options_;
};

// Active in train mode alone; the pass must carry its random key and sample ids. `index` tells the dropouts of a net apart.
class Dropout : public Layer {
 public:
  Dropout(std::string name, int index, double probability);
  Var forward(Pass& pass, const Var& x) const override;
  Shape cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  int index_;
  double probability_;
};

// Output channel j is input channel map[j], or zero where map[j] is -1: the zero-padded shortcut of residual nets, and the selection of
// network slimming. Positions count on the full axes; at a smaller width a channel whose source is not active is zero. A map that
// changes nothing does nothing.
class ChannelMap : public Layer {
 public:
  ChannelMap(std::string name, ChannelAxis& from, ChannelAxis& to, std::vector<std::int32_t> map);
  // Zeros first, then all channels of `from`; at a smaller width, all active ones after fewer zeros.
  static std::unique_ptr<ChannelMap> zeros_first(std::string name, ChannelAxis& from, ChannelAxis& to);
  Var forward(Pass& pass, const Var& x) const override;
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override;

 private:
  ChannelMap(std::string name, ChannelAxis& from, ChannelAxis& to) : Layer(std::move(name)), from_(from), to_(to) {}
  const Tensor& index(Context& context, int width) const;
  std::vector<std::int32_t> sources(int width) const;

  ChannelAxis &from_, &to_;
  std::vector<std::int32_t> map_;  // empty: zeros first
  bool identity_ = false;
  mutable std::vector<Tensor> index_;  // per width, made once
};

}  // namespace pliant
