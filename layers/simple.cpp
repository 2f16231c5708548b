#include "layers/simple.h"

#include <algorithm>

namespace pliant {

Shape ActivationLayer::cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const {
  rows.push_back({name(), name_of(f_), x});
  return x;
}

Shape MaxPool::cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const {
  const Shape y = pool_output_shape(x, geometry_);
  rows.push_back({.name = name(), .type = "max pool", .output = y, .window = geometry_.size * geometry_.size});
  return y;
}

Shape AveragePool::cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const {
  const Shape y = pool_output_shape(x, geometry_);
  rows.push_back({.name = name(), .type = "average pool", .output = y, .window = geometry_.size * geometry_.size});
  return y;
}

Shape GlobalAveragePool::cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const {
  const Shape y{x[0], x[-1]};
  rows.push_back({.name = name(), .type = "global average pool", .output = y, .window = x.size() / y.size()});
  return y;
}

Shape LocalResponseNormLayer::cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const {
  rows.push_back({name(), "local response norm", x});
  return x;
}

Dropout::Dropout(std::string layer_name, int index, double probability)
    : Layer(std::move(layer_name)), index_(index), probability_(probability) {
  PLIANT_REQUIRE(ConfigError, probability >= 0.0 && probability < 1.0, name(), ": the probability lies in [0, 1), got ", probability);
}

Var Dropout::forward(Pass& pass, const Var& x) const {
  if (pass.mode == Mode::eval || probability_ == 0.0) return x;
  PLIANT_REQUIRE(ConfigError, pass.random_key && pass.samples, name(), ": a training pass needs its random key and sample ids");
  return dropout(x, pass.random_key, pass.samples, index_, probability_);
}

Shape Dropout::cost(const Selection&, const Shape& x, std::vector<LayerCost>& rows) const {
  rows.push_back({name(), cat("dropout ", probability_), x});
  return x;
}

ChannelMap::ChannelMap(std::string layer_name, ChannelAxis& from, ChannelAxis& to, std::vector<std::int32_t> map)
    : Layer(std::move(layer_name)), from_(from), to_(to), map_(std::move(map)) {
  PLIANT_REQUIRE(ConfigError, static_cast<std::int64_t>(map_.size()) == to.size(), name(), ": maps ", map_.size(), " channels, axis ",
                 to.name(), " has ", to.size());
  for (const std::int32_t source : map_) {
    PLIANT_REQUIRE(ConfigError, source >= -1 && source < from.size(), name(), ": source channel ", source, " of ", from.size());
  }
  identity_ = from.size() == to.size();
  for (std::size_t j = 0; j < map_.size(); ++j) identity_ = identity_ && map_[j] == static_cast<std::int32_t>(j);
}

namespace {

std::vector<std::int64_t> active_channels(const ChannelAxis& axis, int width) {
  std::vector<std::int64_t> channels;
  for (const Run& run : axis.runs(width)) {
    for (std::int64_t i = 0; i < run.count; ++i) channels.push_back(run.first + i);
  }
  return channels;
}

}  // namespace

std::unique_ptr<ChannelMap> ChannelMap::zeros_first(std::string layer_name, ChannelAxis& from, ChannelAxis& to) {
  return std::unique_ptr<ChannelMap>(new ChannelMap(std::move(layer_name), from, to));
}

std::vector<std::int32_t> ChannelMap::sources(int width) const {
  std::vector<std::int32_t> position(static_cast<std::size_t>(from_.size()), -1), active;
  const std::vector<std::int64_t> read = active_channels(from_, width), written = active_channels(to_, width);
  for (std::size_t i = 0; i < read.size(); ++i) position[static_cast<std::size_t>(read[i])] = static_cast<std::int32_t>(i);
  const auto zeros = static_cast<std::int64_t>(written.size()) - static_cast<std::int64_t>(read.size());
  for (std::size_t j = 0; j < written.size(); ++j) {
    if (map_.empty()) {
      active.push_back(static_cast<std::int32_t>(std::max<std::int64_t>(-1, static_cast<std::int64_t>(j) - zeros)));
    } else {
      const std::int32_t source = map_[static_cast<std::size_t>(written[j])];
      active.push_back(source < 0 ? -1 : position[static_cast<std::size_t>(source)]);
    }
  }
  return active;
}

const Tensor& ChannelMap::index(Context& context, int width) const {
  if (index_.size() <= static_cast<std::size_t>(width)) index_.resize(static_cast<std::size_t>(width) + 1);
  Tensor& cached = index_[static_cast<std::size_t>(width)];
  if (!cached || &cached.context() != &context) {
    const std::vector<std::int32_t> active = sources(width);
    cached = Tensor::from_host(context, {static_cast<std::int64_t>(active.size())}, active);
  }
  return cached;
}

Var ChannelMap::forward(Pass& pass, const Var& x) const {
  return apply_mask(pass, to_, identity_ ? x : gather_channels(x, index(pass.context, pass.select.width)));
}

Shape ChannelMap::cost(const Selection& select, const Shape& x, std::vector<LayerCost>& rows) const {
  PLIANT_REQUIRE(ShapeError, x[-1] == from_.active(select.width), name(), ": reads ", from_.active(select.width), " channels, got ", x);
  Shape y = x;
  y.set(x.rank() - 1, to_.active(select.width));
  rows.push_back({name(), "channel map", y});
  return y;
}

}  // namespace pliant
