// Whole small nets in double: what backpropagation gives for a parameter is the slope of the loss, selections and removed blocks included.
#include <doctest/doctest.h>

#include <cmath>

#include "nets/compact.h"
#include "nets/graph.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

constexpr double kStep = 1e-7;

// A few channels everywhere: a sixteenth, at least two.
NetDescription tiny(const char* name, std::int64_t side, const char* head = "") {
  NetDescription d = default_description(name);
  d.height = d.width = side;
  d.classes = 3;
  d.head = head;
  const Net full = build_net(d);
  for (const auto& axis : full.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = std::min(axis->size(), std::max<std::int64_t>(2, axis->size() / 16));
  }
  return d;
}

// Mean cross-entropy of the labels that train_pass() uses, by definition.
double loss_of(const Tensor& logits) {
  const std::vector<double> values = logits.to_doubles();
  const auto classes = static_cast<std::size_t>(logits.shape()[1]), samples = values.size() / classes;
  double sum = 0.0;
  for (std::size_t i = 0; i < samples; ++i) {
    double total = 0.0;
    for (std::size_t c = 0; c < classes; ++c) total += std::exp(values[i * classes + c]);
    sum += std::log(total) - values[i * classes + i % classes];
  }
  return sum / static_cast<double>(samples);
}

double loss_at(Net& net, Parameter& parameter, std::size_t place, double change) {
  const std::vector<double> before = parameter.value.to_doubles();
  std::vector<double> values = before;
  values[place] += change;
  parameter.value.copy_from(make_tensor(cpu(), parameter.shape(), DType::f64, values));
  const double loss = loss_of(train_pass(net).logits.back());
  parameter.value.copy_from(make_tensor(cpu(), parameter.shape(), DType::f64, before));
  return loss;
}

void check_gradients(const NetDescription& d) {
  CAPTURE(d.name);
  Net net = make_net(cpu(), d, DType::f64);
  const std::vector<double> gradients = train_pass(net).gradients.to_doubles();
  std::vector<Parameter*> trained;
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.trainable()) trained.push_back(&parameter);
  }
  // Every so many, so that a net takes a dozen passes.
  const std::size_t stride = std::max<std::size_t>(1, trained.size() / 12);
  for (std::size_t i = 0; i < trained.size(); i += stride) {
    Parameter& parameter = *trained[i];
    CAPTURE(parameter.name);
    const auto place = (7 * i) % static_cast<std::size_t>(parameter.shape().size());
    const double slope = (loss_at(net, parameter, place, kStep) - loss_at(net, parameter, place, -kStep)) / (2.0 * kStep);
    const double gradient = gradients[static_cast<std::size_t>(parameter.offset) + place];
    CHECK(std::abs(gradient - slope) <= 1e-6 + 1e-4 * std::abs(slope));
  }
}

// Masks about half of every axis, selections included; the smaller net computes the same.
void check_halved(const NetDescription& d) {
  CAPTURE(d.name);
  Net net = make_net(cpu(), d, DType::f64);
  unsigned turn = 0;
  for (const ChannelGroup& group : channel_groups(net)) {
    if (!group.fixed.empty()) continue;
    std::vector<std::int32_t> kept;
    for (std::int32_t c = 0; c < group.axis->size(); ++c) {
      if (c == 0 || (static_cast<unsigned>(c) + turn) % 2 == 0) kept.push_back(c);  // the first always: a stream and its selection share it
    }
    ++turn;
    keep_channels(cpu(), DType::f64, *group.axis, kept);
  }
  Net smaller = compact(net);
  CHECK(cost(smaller).macs < cost(net).macs);
  CHECK(difference(eval_pass(smaller).back(), eval_pass(net).back()).relative < 1e-10);
}

}  // namespace

TEST_CASE("gradients: nets with pre-activation and small DenseNets and heads of VGG") {
  check_gradients(tiny("preresnet20", 8));
  check_gradients(tiny("resnet34", 32));
  check_gradients(tiny("preresnet50", 32));
  check_gradients(tiny("densenet40", 4));
  check_gradients(tiny("densenet-bc100", 4));
  check_gradients(tiny("vgg16", 16, "l1"));
  check_gradients(tiny("vgg16", 16, "bias"));
  check_gradients(tiny("vgg16-imagenet", 32, "gap"));
}

TEST_CASE("gradients: selections of some channels and removed blocks") {
  NetDescription d = tiny("preresnet20", 8);
  d.removed_blocks = {1, 5};
  d.axis_sizes.erase("layer2");
  const Net left = build_net([&] {
    NetDescription whole = default_description("preresnet20");
    whole.removed_blocks = d.removed_blocks;
    return whole;
  }());
  std::erase_if(d.axis_sizes, [&](const auto& entry) { return !left.store->find_axis(entry.first); });
  d.kept = {{"layer2.0.bn1.select", {0, 2, 3}}, {"layer3.0.bn1.select", {1, 30, 31, 90}}, {"bn.select", {0, 5}}};
  d.axis_sizes["layer3"] = 6;
  d.axis_sizes["layer1"] = 4;
  check_gradients(d);
}

TEST_CASE("compact: half of every axis of the nets of the pruning experiments") {
  check_halved(tiny("preresnet20", 8));
  check_halved(tiny("preresnet164", 4));
  check_halved(tiny("resnet34", 32));
  check_halved(tiny("preresnet50", 32));
  check_halved(tiny("densenet40", 4));
  check_halved(tiny("densenet-bc100", 4));
  check_halved(tiny("vgg16", 16, "l1"));
  check_halved(tiny("vgg19", 16, "bias"));
  check_halved(tiny("vgg16-imagenet", 32));
  check_halved(tiny("vgg11-bn-imagenet", 32));
}

}  // namespace pliant::test
