// Which weights magnitude pruning takes, that they stay zero, and how a net begins under masks.
#include "train/pruning/magnitude.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "train/optimizer.h"

namespace pliant::test {

namespace {

std::int64_t zeros_of(const Tensor& tensor) {
  const std::vector<double> values = tensor.to_doubles();
  return std::count(values.begin(), values.end(), 0.0);
}

std::int64_t zero_weights(const Net& net) {
  std::int64_t zeros = 0;
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.role == Role::filter) zeros += zeros_of(parameter.value);
  }
  return zeros;
}

// Values whose magnitudes are 1, 2, ..., n in the order of a seed, so that no two are equal.
void number_filters(Net& net, unsigned seed) {
  std::vector<double> ranks;
  const WeightCount count = count_filter_weights(net);
  for (std::int64_t i = 1; i <= count.all; ++i) ranks.push_back(static_cast<double>(i));
  const std::vector<double> keys = random_values(count.all, seed);
  std::vector<std::size_t> order(ranks.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return keys[a] < keys[b]; });
  std::size_t next = 0;
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter) continue;
    std::vector<double> values(static_cast<std::size_t>(parameter.shape().size()));
    for (double& value : values) {
      const std::size_t rank = order[next++];
      value = (rank % 2 == 0 ? 1e-3 : -1e-3) * ranks[rank];
    }
    parameter.value.copy_from(make_tensor(net.store->context(), parameter.shape(), net.store->dtype(), values));
  }
}

Net numbered_net(DType dtype = DType::f64) {
  Net net = make_net(cpu(), tiny_resnet(), dtype);
  number_filters(net, 11);
  return net;
}

}  // namespace

TEST_CASE("magnitude pruning: a global threshold takes the whole part and one more of the smallest weights") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Net net = numbered_net(dtype);
    const Net before = numbered_net(dtype);
    const auto all = static_cast<double>(count_filter_weights(net).all);
    prune_weights(net, 0.6, WeightScope::global, false);
    const auto gone = static_cast<std::int64_t>(all * 0.6) + 1;
    CHECK(zero_weights(net) == gone);
    CHECK(count_filter_weights(net).left == static_cast<std::int64_t>(all) - gone);
    for (const Parameter& parameter : net.store->parameters()) {
      CAPTURE(parameter.name);
      const std::vector<double> old = before.store->find(parameter.name)->value.to_doubles(), now = parameter.value.to_doubles();
      if (parameter.role != Role::filter) {
        CHECK_FALSE(parameter.mask);
        CHECK(old == now);
        continue;
      }
      const std::vector<double> mask = parameter.mask.to_doubles();
      for (std::size_t i = 0; i < now.size(); ++i) {
        const bool stays = std::abs(old[i]) > 1e-3 * (static_cast<double>(gone) + 0.5);
        CHECK(mask[i] == (stays ? 1.0 : 0.0));
        CHECK(now[i] == (stays ? old[i] : 0.0));
      }
    }
  }
}

TEST_CASE("magnitude pruning: a threshold for each layer takes the same share of every filter") {
  Net net = numbered_net();
  prune_weights(net, 0.5, WeightScope::layer, false);
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.role == Role::filter) CHECK(zeros_of(parameter.value) == parameter.shape().size() / 2 + 1);
  }
}

TEST_CASE("magnitude pruning: rounds of what is left compose and shares of all do not add up") {
  Net net = numbered_net();
  const std::int64_t all = count_filter_weights(net).all;
  std::int64_t left = all;
  for (int round = 1; round <= 3; ++round) {
    prune_weights(net, 0.3, WeightScope::global, true);
    left -= static_cast<std::int64_t>(static_cast<double>(left) * 0.3) + 1;
    CHECK(count_filter_weights(net).left == left);
    CHECK(std::abs(static_cast<double>(left) / static_cast<double>(all) - std::pow(0.7, round)) <= static_cast<double>(round) / static_cast<double>(all));
    CHECK(zero_weights(net) == all - left);
  }
  Net once = numbered_net();
  prune_weights(once, 0.4, WeightScope::global, false);
  const std::int64_t after = count_filter_weights(once).left;
  prune_weights(once, 0.4, WeightScope::global, false);
  CHECK(count_filter_weights(once).left == after);
  prune_weights(once, 0.2, WeightScope::global, false);
  CHECK(count_filter_weights(once).left == after);
}

TEST_CASE("magnitude pruning: equal weights go together") {
  Net net = numbered_net();
  Parameter& stem = *net.store->find("conv1.weight");
  std::vector<double> values(static_cast<std::size_t>(stem.shape().size()), 0.25);
  values[3] = -0.5;
  values[5] = 0.1;
  stem.value.copy_from(make_tensor(cpu(), stem.shape(), DType::f64, values));
  prune_weights(net, 0.05, WeightScope::layer, false);
  CHECK(zeros_of(stem.value) == stem.shape().size() - 1);  // the place falls among the equal ones
  CHECK(stem.value.to_doubles()[3] == -0.5);
}

TEST_CASE("magnitude pruning: frozen filters keep their values and do not count") {
  Net net = numbered_net();
  Parameter& stem = *net.store->find("conv1.weight");
  const std::int64_t all = count_filter_weights(net).all;
  stem.frozen = true;
  CHECK(count_filter_weights(net).all == all - stem.shape().size());
  const Tensor before = stem.value.clone();
  prune_weights(net, 0.9, WeightScope::global, false);
  CHECK(bit_equal(stem.value, before));
  CHECK_FALSE(stem.mask);
  CHECK(zero_weights(net) == static_cast<std::int64_t>(static_cast<double>(all - stem.shape().size()) * 0.9) + 1);
}

TEST_CASE("magnitude pruning: what cannot be pruned is refused and changes nothing") {
  Net net = numbered_net();
  for (const double fraction : {0.0, 1.0, -0.1, 1.5, std::nan("")}) {
    CHECK_THROWS_AS(prune_weights(net, fraction, WeightScope::global, false), UsageError);
  }
  Parameter& stem = *net.store->find("conv1.weight");
  const Tensor good = stem.value.clone(), before = net.store->values().clone();
  std::vector<double> values = good.to_doubles();
  values[2] = std::nan("");
  stem.value.copy_from(make_tensor(cpu(), stem.shape(), DType::f64, values));
  CHECK_THROWS_WITH_AS(prune_weights(net, 0.5, WeightScope::global, false), doctest::Contains("conv1.weight"), ConfigError);
  stem.value.copy_from(make_tensor(cpu(), stem.shape(), DType::f64, std::vector<double>(values.size(), 1e-9)));
  CHECK_THROWS_WITH_AS(prune_weights(net, 0.5, WeightScope::global, false), doctest::Contains("conv1.weight"), ConfigError);
  stem.value.copy_from(good);
  CHECK(bit_equal(net.store->values(), before));
  for (const Parameter& parameter : net.store->parameters()) CHECK_FALSE(parameter.mask);

  Net dense = build_net(default_description("mlp"));
  dense.store->allocate(cpu(), DType::f32);
  initialise(dense, 1);
  CHECK_THROWS_WITH_AS(prune_weights(dense, 0.5, WeightScope::global, false), doctest::Contains("mlp"), ConfigError);
  CHECK_THROWS_AS(parse_weight_scope("net"), UsageError);
  CHECK(parse_weight_scope("layer") == WeightScope::layer);
}

TEST_CASE("magnitude pruning: pruned weights are exactly zero after 100 steps with momentum and decay") {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam}) {
    for (const bool nesterov : {false, true}) {
      Net net = numbered_net();
      OptimizerOptions options{.kind = kind, .momentum = 0.9, .weight_decay = 5e-4, .nesterov = nesterov, .l1 = 1e-5};
      Optimizer optimizer(*net.store, options);
      const auto step = [&](unsigned seed) {
        net.store->gradients().copy_from(random_tensor(cpu(), net.store->gradients().shape(), DType::f64, seed));
        optimizer.step(0.01);
      };
      for (unsigned i = 0; i < 3; ++i) step(i);  // momentum that would carry the weights on
      prune_weights(net, 0.7, WeightScope::global, false);
      optimizer.refresh_rules();
      const std::int64_t zeros = zero_weights(net);
      for (unsigned i = 0; i < 100; ++i) step(100 + i);
      CHECK(zero_weights(net) == zeros);
      const Parameter& filter = *net.store->find("layer1.0.conv1.weight");
      const std::vector<double> mask = filter.mask.to_doubles(), values = filter.value.to_doubles();
      for (const OptimizerArena& arena : optimizer.arenas()) {
        const std::vector<double> state = arena.values.view(filter.offset, filter.shape()).to_doubles();
        for (std::size_t i = 0; i < mask.size(); ++i) {
          CHECK((state[i] == 0.0) == (mask[i] == 0.0));
          CHECK((values[i] == 0.0) == (mask[i] == 0.0));
        }
      }
    }
  }
}

TEST_CASE("magnitude pruning: weights that come back begin at zero without momentum") {
  Net net = numbered_net();
  Optimizer optimizer(*net.store, {.momentum = 0.9, .weight_decay = 0.0});
  net.store->gradients().copy_from(random_tensor(cpu(), net.store->gradients().shape(), DType::f64, 1));
  optimizer.step(0.01);
  prune_weights(net, 0.7, WeightScope::global, false);
  optimizer.refresh_rules();
  Parameter& filter = *net.store->find("layer1.0.conv1.weight");
  const std::vector<double> mask = filter.mask.to_doubles();
  filter.mask = {};
  optimizer.refresh_rules();
  const Tensor gradient = random_tensor(cpu(), net.store->gradients().shape(), DType::f64, 2);
  net.store->gradients().copy_from(gradient);
  optimizer.step(0.5);
  const std::vector<double> values = filter.value.to_doubles(), g = gradient.view(filter.offset, filter.shape()).to_doubles();
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (mask[i] == 0.0) CHECK(values[i] == doctest::Approx(-0.5 * g[i]).epsilon(1e-12));
  }
}

TEST_CASE("magnitude pruning: sparse nets begin with the variance that their density asks for") {
  NetDescription d = tiny_resnet();
  d.axis_sizes = {};  // filters large enough for a variance
  Net net = build_net(d);
  net.store->allocate(cpu(), DType::f32);
  initialise(net, 3);
  prune_weights(net, 0.8, WeightScope::global, false);
  std::vector<Tensor> masks;
  for (const Parameter& parameter : net.store->parameters()) masks.push_back(parameter.mask);
  initialise_sparse(net, 7, 0.5);
  Net plain = build_net(d);
  plain.store->allocate(cpu(), DType::f32);
  initialise(plain, 7, InitialRule::he_normal_out, 0.5);
  std::size_t at = 0;
  for (const Parameter& parameter : net.store->parameters()) {
    CAPTURE(parameter.name);
    const Tensor& mask = masks[at++];
    if (parameter.role == Role::scale) CHECK(parameter.value.to_doubles()[0] == 0.5);
    if (!mask) {
      CHECK(bit_equal(parameter.value, plain.store->find(parameter.name)->value));
      continue;
    }
    CHECK(bit_equal(parameter.mask, mask));
    const std::vector<double> keep = mask.to_doubles(), values = parameter.value.to_doubles();
    double squares = 0.0, ones = 0.0;
    for (std::size_t i = 0; i < keep.size(); ++i) {
      CHECK((values[i] == 0.0) == (keep[i] == 0.0));
      squares += values[i] * values[i];
      ones += keep[i];
    }
    const double expected = 2.0 * static_cast<double>(parameter.shape()[3]) / ones;
    CHECK(std::abs(squares / ones / expected - 1.0) <= 5.0 * std::sqrt(2.0 / ones));  // five standard errors
  }
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.mask) parameter.mask.zero();
  }
  CHECK_THROWS_WITH_AS(initialise_sparse(net, 7), doctest::Contains("conv1.weight"), ConfigError);
}

}  // namespace pliant::test
