// A layer that counts the rows that run through the one it stands for.
#pragma once

#include <cstdint>
#include <utility>

#include "layers/layer.h"

namespace pliant::test {

class CountingLayer : public Layer {
 public:
  CountingLayer(LayerPtr inner, std::int64_t& rows) : Layer(inner->name()), inner_(std::move(inner)), rows_(rows) {}
  Var forward(Pass& pass, const Var& x) const override {
    rows_ += x.value.shape()[0];
    return inner_->forward(pass, x);
  }
  Shape cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const override { return inner_->cost(select, x, rows); }

 private:
  LayerPtr inner_;
  std::int64_t& rows_;
};

}  // namespace pliant::test
