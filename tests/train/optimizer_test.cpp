#include "train/optimizer.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

// A filter of 70 values, two segments with padding, and a scale of one value.
struct Store {
  ParameterStore store;
  Parameter *filter, *scale;

  explicit Store(Context& context = cpu(), DType dtype = DType::f64) {
    filter = &store.add("conv.weight", Role::filter, {7, 1, 1, 10});
    scale = &store.add("bn.weight", Role::scale, {1});
    store.allocate(context, dtype);
    filter->value.copy_from(random_tensor(context, {7, 1, 1, 10}, dtype, 1));
    scale->value.copy_from(make_tensor(context, {1}, dtype, {1.0}));
  }
  void gradients(double value) {
    for (Parameter* parameter : {filter, scale}) {
      const std::vector<double> all(static_cast<std::size_t>(parameter->shape().size()), value);
      parameter->grad.copy_from(make_tensor(store.context(), parameter->shape(), store.dtype(), all));
    }
  }
};

const OptimizerOptions kAdam{.kind = OptimizerKind::adam};

}  // namespace

TEST_CASE("optimizer: adam counts its steps and corrects both means") {
  Store net;
  Optimizer optimizer(net.store, {.kind = OptimizerKind::adam, .epsilon = 0.1});
  const std::vector<double> before = net.filter->value.to_doubles();
  net.gradients(0.3);
  for (int t = 1; t <= 5; ++t) {
    optimizer.step(0.01);
    CHECK(optimizer.steps() == t);
    const std::vector<double> now = net.filter->value.to_doubles();
    for (std::size_t i = 0; i < now.size(); ++i) CHECK(std::abs(now[i] - (before[i] - t * 0.01 * 0.3 / 0.4)) <= 1e-12);
  }
}

TEST_CASE("optimizer: arenas have the names of their kind and lie like the values") {
  Store net;
  const Optimizer sgd(net.store, {}), adam(net.store, kAdam);
  REQUIRE(sgd.arenas().size() == 1);
  CHECK(sgd.arenas()[0].name == "velocity");
  REQUIRE(adam.arenas().size() == 2);
  CHECK(adam.arenas()[0].name == "moment1");
  CHECK(adam.arenas()[1].name == "moment2");
  for (const OptimizerArena& arena : adam.arenas()) CHECK(arena.values.shape() == net.store.values().shape());
}

TEST_CASE("optimizer: arenas and the number of steps restore it bit for bit") {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam}) {
    CAPTURE(name_of(kind));
    Store one, other;
    Optimizer first(one.store, {.kind = kind, .weight_decay = 0.01});
    one.gradients(0.3);
    for (int i = 0; i < 3; ++i) first.step(0.1);
    Optimizer second(other.store, {.kind = kind, .weight_decay = 0.01});
    other.store.values().copy_from(one.store.values());
    other.gradients(-0.2);
    second.restore(first.arenas());
    second.set_steps(first.steps());
    one.gradients(-0.2);
    first.step(0.1);
    second.step(0.1);
    CHECK(bit_equal(one.store.values(), other.store.values()));
    for (std::size_t i = 0; i < first.arenas().size(); ++i) CHECK(bit_equal(first.arenas()[i].values, second.arenas()[i].values));
  }
}

TEST_CASE("optimizer: what was frozen later stays and goes on when it is released") {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam}) {
    CAPTURE(name_of(kind));
    Store net;
    Optimizer optimizer(net.store, {.kind = kind});
    net.gradients(0.5);
    optimizer.step(0.1);
    const Tensor filter = net.filter->value.clone(), scale = net.scale->value.clone(), state = optimizer.arenas()[0].values.clone();
    net.filter->frozen = true;
    optimizer.refresh_rules();
    optimizer.step(0.1);
    CHECK(bit_equal(net.filter->value, filter));
    CHECK_FALSE(bit_equal(net.scale->value, scale));
    CHECK(bit_equal(optimizer.arenas()[0].values.view(0, {128}), state.view(0, {128})));
    net.filter->frozen = false;
    optimizer.refresh_rules();
    optimizer.step(0.1);
    CHECK_FALSE(bit_equal(net.filter->value, filter));
  }
}

TEST_CASE("optimizer: decay and the penalty reach the roles that they should") {
  Store net;
  Optimizer optimizer(net.store, {.momentum = 0.0, .weight_decay = 0.5, .decay_all = false});
  const std::vector<double> before = net.filter->value.to_doubles();
  optimizer.zero_gradients();
  optimizer.step(0.1);
  CHECK(net.scale->value.to_doubles()[0] == 1.0);
  CHECK(std::abs(net.filter->value.to_doubles()[5] - 0.95 * before[5]) <= 1e-12);
}

TEST_CASE("optimizer: network slimming adds lambda sign to the gradient of every scale") {
  ParameterStore store;
  Parameter& filter = store.add("conv.weight", Role::filter, {1, 1, 1, 3});
  Parameter& scale = store.add("bn.weight", Role::scale, {3});
  Parameter& shift = store.add("bn.bias", Role::shift, {3});
  store.allocate(cpu(), DType::f64);
  for (Parameter* parameter : {&filter, &scale, &shift}) {
    parameter->value.copy_from(make_tensor(cpu(), parameter->shape(), DType::f64, {0.5, -0.25, 0.0}));
    parameter->grad.copy_from(make_tensor(cpu(), parameter->shape(), DType::f64, {0.1, 0.1, 0.0}));
  }
  Optimizer optimizer(store, {.momentum = 0.0, .decay_all = false, .scale_sparsity = 0.02});
  optimizer.step(0.5);
  const std::vector<double> scales = {0.5 - 0.5 * (0.1 + 0.02), -0.25 - 0.5 * (0.1 - 0.02), 0.0}, others = {0.45, -0.3, 0.0};
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(std::abs(scale.value.to_doubles()[i] - scales[i]) <= 1e-12);
    CHECK(std::abs(shift.value.to_doubles()[i] - others[i]) <= 1e-12);
    CHECK(std::abs(filter.value.to_doubles()[i] - others[i]) <= 1e-12);
  }
}

TEST_CASE("optimizer: factors of blocks take the proximal update and nothing else") {
  ParameterStore store;
  Parameter& filter = store.add("conv.weight", Role::filter, {1, 1, 1, 1});
  Parameter& factor = store.add("block.block_scale", Role::block_scale, {1});
  store.allocate(cpu(), DType::f64);
  for (Parameter* parameter : {&filter, &factor}) {
    parameter->value.copy_from(make_tensor(cpu(), parameter->shape(), DType::f64, {1.0}));
    parameter->grad.copy_from(make_tensor(cpu(), parameter->shape(), DType::f64, {0.5}));
  }
  Optimizer optimizer(store, {.weight_decay = 0.1, .nesterov = true, .l1 = 0.1, .scale_sparsity = 0.0, .block_sparsity = 0.01});
  for (const double expected : {0.9031, 0.76489, 0.589501}) {
    optimizer.step(0.1);
    CHECK(std::abs(factor.value.to_doubles()[0] - expected) <= 1e-12);
  }
  CHECK_THROWS_WITH_AS(Optimizer(store, kAdam), doctest::Contains("use sgd instead of adam"), ConfigError);
}

TEST_CASE("optimizer: masked weights stay exactly zero for a hundred steps") {
  for (const OptimizerOptions& options : {OptimizerOptions{.momentum = 0.9, .weight_decay = 0.01},
                                          OptimizerOptions{.momentum = 0.9, .weight_decay = 0.01, .nesterov = true},
                                          OptimizerOptions{.kind = OptimizerKind::adam, .weight_decay = 0.01}}) {
    CAPTURE(name_of(options.kind));
    Store net;
    {  // the state is not zero when the mask comes
      Optimizer before(net.store, options);
      net.gradients(0.3);
      before.step(0.01);
      std::vector<double> keep(70, 1.0);
      for (std::size_t i = 0; i < keep.size(); i += 3) keep[i] = 0.0;
      net.filter->mask = make_tensor(cpu(), {7, 1, 1, 10}, DType::f64, keep);
      Optimizer optimizer(net.store, options);
      optimizer.restore(before.arenas());
      optimizer.set_steps(before.steps());
      for (int step = 0; step < 100; ++step) {
        net.gradients(step % 3 == 0 ? -0.4 : 0.3);
        optimizer.step(0.01);
        const std::vector<double> now = net.filter->value.to_doubles();
        for (std::size_t i = 0; i < now.size(); ++i) REQUIRE((now[i] == 0.0) == (keep[i] == 0.0));
      }
    }
  }
}

TEST_CASE("optimizer: options and states that do not fit are refused") {
  Store net;
  const auto refused = [&](const OptimizerOptions& options, const char* words) {
    CHECK_THROWS_WITH_AS(Optimizer(net.store, options), doctest::Contains(words), ConfigError);
  };
  refused({.momentum = -0.1}, "momentum lies in [0, 1], got -0.1");
  refused({.momentum = 0.0, .nesterov = true}, "Nesterov");
  refused({.weight_decay = -1.0}, "weight decay");
  refused({.scale_sparsity = -1.0}, "scale sparsity lies in [0, 1000], got -1");
  refused({.block_sparsity = std::nan("")}, "block sparsity");
  refused({.block_sparsity = 0.01}, "the net has none; build it with block scales");
  refused({.kind = OptimizerKind::adam, .beta1 = 1.0}, "betas lie in [0, 1), got 1");
  refused({.kind = OptimizerKind::adam, .beta2 = std::nan("")}, "betas");
  refused({.kind = OptimizerKind::adam, .epsilon = 0.0}, "epsilon");
  Optimizer adam(net.store, kAdam);
  const Tensor ones = random_tensor(cpu(), net.store.values().shape(), DType::f64, 3);
  CHECK_THROWS_WITH_AS(adam.restore({{"moment1", ones}}), "optimizer: the state \"moment2\" of adam is missing in the checkpoint", FileError);
  CHECK_THROWS_AS(adam.restore({{"moment1", ones}, {"moment2", Tensor::zeros(cpu(), {64}, DType::f64)}}), FileError);
  CHECK(adam.arenas()[0].values.to_doubles()[0] == 0.0);
  CHECK_THROWS_AS(adam.set_steps(-1), ConfigError);
  CHECK(parse_optimizer("adam") == OptimizerKind::adam);
  CHECK_THROWS_WITH_AS(parse_optimizer("rmsprop"), "optimizer \"rmsprop\": expected sgd or adam", UsageError);
}

}  // namespace pliant::test
