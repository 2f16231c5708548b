// Nets put together at random from every piece that couples channels: masked and compacted they compute the same, whatever is masked.
#include <doctest/doctest.h>

#include "core/rng.h"
#include "layers/dense_connection.h"
#include "nets/builder.h"
#include "nets/compact.h"
#include "nets/graph.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

// Draws the same numbers each time a net is built, so that a pruned description gives the same structure.
class Dice {
 public:
  explicit Dice(std::uint64_t seed) : stream_(seed, Purpose::synthetic, 0, 0) {}
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + stream_.below(index_++, static_cast<std::uint32_t>(high - low + 1));
  }
  bool coin() { return between(0, 1) == 1; }

 private:
  RandomStream stream_;
  std::uint64_t index_ = 0;
};

class RandomNet {
 public:
  RandomNet(const NetDescription& d, std::uint64_t seed) : build_(d), dice_(seed) {}

  Net make() {
    stream_ = &build_.axis("stem", dice_.between(3, 6));
    auto stem = std::make_unique<Sequential>("stem");
    stem->add(build_.conv("stem", Dim(build_.description().channels), *stream_, kConv3x3));
    if (dice_.coin()) stem->add(build_.batch_norm("stem.bn", *stream_, Activation::relu));
    build_.stage(std::move(stem), *stream_);
    const std::int64_t pieces = dice_.between(2, 5);
    for (std::int64_t i = 0; i < pieces; ++i) add_piece(cat("piece", i));
    auto last = std::make_unique<Sequential>("last");
    ChannelAxis& read = selected(*last, "last");
    return build_.finish(std::move(last), exit_head(build_.store(), read, {"fc", build_.description().classes}));
  }

 private:
  static constexpr Conv2dOptions kConv3x3{.kernel = 3, .padding = 1}, kConv1x1{.kernel = 1};

  void add_piece(const std::string& name) {
    switch (dice_.between(0, 4)) {
      case 0: chain(name); break;
      case 1: identity_block(name); break;
      case 2: widening_block(name); break;
      case 3: depthwise(name); break;
      default: dense(name);
    }
  }

  // BN and ReLU on the stream, then a selection of it: what pre-activation and dense nets begin with. Or the stream itself.
  ChannelAxis& selected(Sequential& layers, const std::string& name) {
    if (dice_.coin()) return *stream_;
    ChannelAxis& selection = build_.selection(name + ".bn.select", *stream_);
    layers.add(build_.batch_norm(name + ".bn", *stream_, Activation::relu));
    layers.add(build_.select(name + ".bn.select", *stream_, selection));
    return selection;
  }

  void chain(const std::string& name) {
    ChannelAxis& out = build_.axis(name, dice_.between(2, 7));
    auto body = std::make_unique<Sequential>(name);
    ChannelAxis& read = selected(*body, name);
    body->add(build_.conv(name + ".conv", Dim(read), out, dice_.coin() ? kConv3x3 : kConv1x1));
    body->add(build_.batch_norm(name + ".norm", out, dice_.coin() ? Activation::relu : Activation::identity));
    build_.stage(std::move(body), out);
    stream_ = &out;
  }

  std::unique_ptr<Sequential> branch(const std::string& name, ChannelAxis& out) {
    auto layers = std::make_unique<Sequential>(name);
    ChannelAxis& read = selected(*layers, name);
    ChannelAxis& inner = build_.axis(name + ".conv1", dice_.between(2, 5));
    layers->add(build_.conv(name + ".conv1", Dim(read), inner, kConv3x3));
    layers->add(build_.batch_norm(name + ".norm1", inner, Activation::relu));
    layers->add(build_.conv(name + ".conv2", Dim(inner), out, kConv1x1));
    if (dice_.coin()) layers->add(build_.batch_norm(name + ".norm2", out, Activation::identity));
    return layers;
  }

  void identity_block(const std::string& name) {
    if (!stream_->plain()) return chain(name);  // no layer writes a concatenation as a whole
    LayerPtr layers = branch(name, *stream_);
    build_.stage(build_.residual(name, std::move(layers), nullptr), *stream_);
  }

  // The shortcut pads with zero channels, at the end or in front.
  void widening_block(const std::string& name) {
    ChannelAxis& out = build_.axis(name, stream_->full_size() + dice_.between(0, 4));
    LayerPtr layers = branch(name, out);
    std::vector<std::int32_t> map(static_cast<std::size_t>(out.full_size()), -1);
    const std::int64_t first = dice_.coin() ? 0 : out.full_size() - stream_->full_size();
    for (std::int64_t c = 0; c < stream_->full_size(); ++c) map[static_cast<std::size_t>(first + c)] = static_cast<std::int32_t>(c);
    build_.stage(build_.residual(name, std::move(layers), build_.channel_map(name + ".pad", *stream_, out, map)), out);
    stream_ = &out;
  }

  void depthwise(const std::string& name) {
    if (!stream_->plain()) return chain(name);
    ChannelAxis& out = build_.axis(name, dice_.between(2, 6));
    auto body = std::make_unique<Sequential>(name);
    body->add(build_.conv(name + ".depthwise", Dim(*stream_), *stream_, {.kernel = 3, .padding = 1, .depthwise = true}));
    body->add(build_.batch_norm(name + ".norm1", *stream_, Activation::relu));
    body->add(build_.conv(name + ".pointwise", Dim(*stream_), out, kConv1x1));
    body->add(build_.batch_norm(name + ".norm2", out, Activation::relu));
    build_.stage(std::move(body), out);
    stream_ = &out;
  }

  void dense(const std::string& name) {
    std::vector<ChannelAxis*> parts{stream_};
    const std::int64_t layers = dice_.between(1, 3);
    for (std::int64_t i = 0; i < layers; ++i) {
      const std::string layer = cat(name, ".layer", i);
      ChannelAxis& added = build_.axis(layer, dice_.between(2, 3));
      auto body = std::make_unique<Sequential>(layer);
      ChannelAxis& read = selected(*body, layer);
      body->add(build_.conv(layer + ".conv", Dim(read), added, kConv3x3));
      parts.push_back(&added);
      ChannelAxis& out = build_.store().axis(layer + ".out", parts);
      build_.stage(std::make_unique<DenseConnection>(layer, std::move(body)), out);
      stream_ = &out;
    }
  }

  NetBuilder build_;
  Dice dice_;
  ChannelAxis* stream_ = nullptr;
};

// Masks with probability `ratio` every channel of every axis, but the first.
void mask_at_random(Net& net, double ratio, unsigned seed) {
  for (const auto& axis : net.store->axes()) {
    if (!axis->parts().empty()) continue;
    const std::vector<double> draws = random_values(axis->size(), ++seed, 0.0, 1.0);
    std::vector<std::int32_t> kept{0};  // on every axis, so that a selection never loses all that its stream keeps
    for (std::int32_t c = 1; c < axis->size(); ++c) {
      if (draws[static_cast<std::size_t>(c)] >= ratio) kept.push_back(c);
    }
    keep_channels(net.store->context(), net.store->dtype(), *axis, kept);
  }
}

}  // namespace

TEST_CASE("compact: nets put together at random compute the same masked and smaller") {
  int concatenations = 0, selections = 0, depthwise = 0, residual = 0;
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    CAPTURE(seed);
    NetDescription d;
    d.name = "random";
    d.height = d.width = 6;
    d.classes = 3;
    const NetBuild build = [seed](const NetDescription& description) { return RandomNet(description, seed).make(); };
    for (const double ratio : {0.2, 0.5, 0.8}) {
      CAPTURE(ratio);
      Net net = with_values(cpu(), build(d), DType::f64, static_cast<unsigned>(seed));
      for (const ChannelGroup& group : channel_groups(net)) {
        selections += group.axis->stream() != nullptr;
        depthwise += !group.depthwise.empty();
      }
      for (const auto& axis : net.store->axes()) concatenations += !axis->parts().empty();
      residual += net.blocks;
      mask_at_random(net, ratio, static_cast<unsigned>(100 * seed));
      Net smaller = compact(net, build);
      CHECK(smaller.store->trainable_count() < net.store->trainable_count());
      CHECK(difference(eval_pass(smaller)[0], eval_pass(net)[0]).relative < 1e-10);
      const StepOutcome wide = train_pass(net), narrow = train_pass(smaller);
      CHECK(difference(narrow.logits[0], wide.logits[0]).relative < 1e-9);
      CHECK(difference(narrow.gradients, compact_arena(net, smaller, wide.gradients)).relative < 1e-7);
    }
  }
  CHECK(concatenations > 20);
  CHECK(selections > 20);
  CHECK(depthwise > 10);
  CHECK(residual > 20);
}

}  // namespace pliant::test
