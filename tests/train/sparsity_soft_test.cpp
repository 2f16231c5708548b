// Which filters soft filter pruning takes, and that they come back.
#include "train/pruning/soft_filters.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "core/memory_ops.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "train/optimizer.h"

namespace pliant::test {

namespace {

constexpr const char* kLayer = "layer3.1.conv1";  // 8 filters of 3 x 3 x 8

// Filter k holds nothing but this in each of its weights.
void fill_filters(Net& net, const std::vector<double>& levels) {
  Parameter& filter = *net.store->find(std::string(kLayer) + ".weight");
  std::vector<double> values;
  for (const double level : levels) values.insert(values.end(), static_cast<std::size_t>(filter.shape().size()) / levels.size(), level);
  filter.value.copy_from(make_tensor(net.store->context(), filter.shape(), net.store->dtype(), values));
}

std::vector<double> mask_of(const Net& net) { return net.store->find_axis(kLayer)->mask.to_doubles(); }

}  // namespace

TEST_CASE("soft filter pruning: the smallest filters go and of equal ones the first") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Net net = make_net(cpu(), tiny_resnet(), dtype);
    fill_filters(net, {3.0, -0.5, 2.0, 0.5, 0.5, 4.0, -5.0, 6.0});
    SoftFilterPruning pruning(net, 0.3);
    pruning.prune();
    CHECK(mask_of(net) == std::vector<double>{1, 0, 1, 0, 1, 1, 1, 1});  // 0.3 of 8 is 2
    const Parameter& filter = *net.store->find(std::string(kLayer) + ".weight");
    const std::vector<double> values = filter.value.to_doubles();
    const std::size_t taps = values.size() / 8;
    for (std::size_t i = 0; i < values.size(); ++i) CHECK((values[i] == 0.0) == (i / taps == 1 || i / taps == 3));
    for (const auto& axis : net.store->axes()) CHECK(static_cast<bool>(axis->mask) == axis->name().ends_with(".conv1"));  // not the streams
    pruning.release();
    for (const auto& axis : net.store->axes()) CHECK_FALSE(axis->mask);
    CHECK(filter.value.to_doubles() == values);
  }
}

TEST_CASE("soft filter pruning: filters that are zero train on and come back") {
  double momentum = 0.0;
  SUBCASE("by their gradient") {}
  SUBCASE("by their momentum") { momentum = 0.9; }
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  Optimizer optimizer(*net.store, {.momentum = momentum, .weight_decay = 5e-4});
  train_pass(net);
  optimizer.step(0.1);
  SoftFilterPruning pruning(net, 0.3);
  pruning.prune();
  const std::vector<double> keep = mask_of(net);
  pruning.release();
  if (momentum > 0.0) {
    optimizer.zero_gradients();
  } else {  // a filter of zeros gives the shift; below zero ReLU would stop the gradient
    kernels::fill(net.store->find("layer3.1.bn1.bias")->value, 0.3);
    train_pass(net);
  }
  optimizer.step(0.1);
  const std::vector<double> values = net.store->find(std::string(kLayer) + ".weight")->value.to_doubles();
  const std::size_t taps = values.size() / keep.size();
  CHECK(std::count(keep.begin(), keep.end(), 0.0) == 2);
  for (std::size_t k = 0; k < keep.size(); ++k) {
    double sum = 0.0;
    for (std::size_t i = k * taps; i < (k + 1) * taps; ++i) sum += values[i] * values[i];
    CHECK(sum > 0.0);
  }
}

TEST_CASE("soft filter pruning: channels that were masked before stay so and count first") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  fill_filters(net, {3.0, 1.0, 2.0, 7.0, 8.0, 4.0, 5.0, 6.0});
  ChannelAxis& axis = *net.store->find_axis(kLayer);
  axis.mask = make_tensor(cpu(), {8}, DType::f64, {1, 1, 1, 0, 1, 1, 1, 1});
  SoftFilterPruning pruning(net, 0.3);
  pruning.prune();
  CHECK(mask_of(net) == std::vector<double>{1, 0, 1, 0, 1, 1, 1, 1});
  pruning.release();
  CHECK(mask_of(net) == std::vector<double>{1, 1, 1, 0, 1, 1, 1, 1});
}

TEST_CASE("soft filter pruning: frozen filters stay") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  Parameter& filter = *net.store->find(std::string(kLayer) + ".weight");
  filter.frozen = true;
  const Tensor before = filter.value.clone();
  SoftFilterPruning pruning(net, 0.3);
  pruning.prune();
  CHECK(bit_equal(filter.value, before));
  CHECK_FALSE(net.store->find_axis(kLayer)->mask);
  CHECK(net.store->find_axis("layer3.0.conv1")->mask);
}

TEST_CASE("soft filter pruning: nets with nothing to take are refused") {
  CHECK_THROWS_WITH_AS(soft_filter_groups(build_net(tiny_resnet()), 0.1), doctest::Contains("resnet20"), ConfigError);
  CHECK(soft_filter_groups(build_net(tiny_resnet()), 0.15).size() == 3);  // of the axes with 8 channels alone
  CHECK_THROWS_WITH_AS(soft_filter_groups(build_net(default_description("mlp")), 0.5), doctest::Contains("mlp"), ConfigError);
  NetDescription slim = tiny_resnet();
  slim.widths = {share_of_axes(build_net(slim), 0.5)};
  slim.width_ratios = {0.5};
  slim.batch_norm_sets = 2;
  CHECK_THROWS_WITH_AS(soft_filter_groups(build_net(slim), 0.5), doctest::Contains("one width"), ConfigError);
}

}  // namespace pliant::test
