#include "train/gate_samples.h"

#include <doctest/doctest.h>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/small_data.h"
#include "tests/support/tiny_net.h"
#include "train/sensitivity.h"

namespace pliant::test {

namespace {

NetDescription stochastic(double p) {
  NetDescription d = tiny_resnet();
  d.survival.assign(static_cast<std::size_t>(build_net(d).blocks), p);
  return d;
}

}  // namespace

TEST_CASE("gate samples: with certain survival one pattern is the plain evaluation") {
  const DeviceData data = small_images(cpu());
  const Net net = make_net(cpu(), stochastic(1.0), DType::f64);
  const Evaluation plain = evaluate(net, data, 16), sampled = evaluate_gates(net, data, 7, {}, 1, 1);
  CHECK(sampled.last().accuracy == plain.last().accuracy);
  CHECK(sampled.last().loss == doctest::Approx(plain.last().loss).epsilon(1e-12));
}

TEST_CASE("gate samples: the loss of many patterns nears that of all of them and does not depend on the batch") {
  const DeviceData data = small_images(cpu());
  const Net net = make_net(cpu(), stochastic(0.5), DType::f64);
  const double few = evaluate_gates(net, data, 40, {}, 4, 1).last().loss, again = evaluate_gates(net, data, 9, {}, 4, 1).last().loss;
  CHECK(few == doctest::Approx(again).epsilon(1e-12));
  CHECK(evaluate_gates(net, data, 40, {}, 4, 2).last().loss != few);
  const double one = evaluate_gates(net, data, 40, {}, 60, 1).last().loss, other = evaluate_gates(net, data, 40, {}, 60, 2).last().loss;
  CHECK(one == doctest::Approx(other).epsilon(0.1));
  NetDescription per_sample = stochastic(0.5);
  per_sample.gate_per_sample = true;
  const Net dropped_paths = make_net(cpu(), per_sample, DType::f64);
  CHECK(evaluate_gates(dropped_paths, data, 40, {}, 60, 1).last().loss == doctest::Approx(one).epsilon(0.1));
}

TEST_CASE("gate samples: a net without stochastic depth is refused") {
  const Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  CHECK_THROWS_WITH_AS(evaluate_gates(net, small_images(cpu()), 8, {}, 2, 1), doctest::Contains("no stochastic depth"), ConfigError);
}

TEST_CASE("sensitivity: deleting a block is the selection that drops it and all blocks leave one choice") {
  const DeviceData data = small_images(cpu());
  const Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  const std::vector<double> each = delete_each_block(net, data, 40, {});
  REQUIRE(each.size() == 9);
  Selection third, all;
  third.dropped.insert(3);
  for (int block = 0; block < 9; ++block) all.dropped.insert(block);
  CHECK(each[3] == evaluate(net, data, 40, third).last().accuracy);
  const RandomDeletion none_left = delete_random_blocks(net, data, 40, {}, 9, 3, 1);
  CHECK(none_left.accuracy == doctest::Approx(evaluate(net, data, 40, all).last().accuracy));
  CHECK(none_left.deviation < 1e-6);
  CHECK_THROWS_AS(delete_random_blocks(net, data, 40, {}, 10, 3, 1), ConfigError);
  NetDescription plain = default_description("mlp");
  const Net without_blocks = make_net(cpu(), plain, DType::f32);
  CHECK_THROWS_WITH_AS(delete_each_block(without_blocks, data, 40, {}), doctest::Contains("no residual blocks"), ConfigError);
}

}  // namespace pliant::test
