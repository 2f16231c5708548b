#include "nets/stochastic_depth.h"

#include <doctest/doctest.h>

#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

TEST_CASE("stochastic depth: linear decay has the published values") {
  const std::vector<double> p = linear_survival(54, 0.5);
  REQUIRE(p.size() == 54);
  for (const auto& [block, value] : std::vector<std::pair<int, double>>{
           {1, 0.990741}, {2, 0.981481}, {18, 0.833333}, {19, 0.824074}, {27, 0.75}, {36, 0.666667}, {37, 0.657407}, {54, 0.5}}) {
    CHECK(p[static_cast<std::size_t>(block) - 1] == doctest::Approx(value).epsilon(1e-6));
  }
  for (std::size_t i = 1; i < p.size(); ++i) CHECK(p[i] < p[i - 1]);
  for (const auto& [blocks, open] : std::vector<std::pair<int, double>>{{54, 40.25}, {75, 56.0}, {600, 449.75}, {50, 37.25}}) {
    CHECK(expected_open_blocks(linear_survival(blocks, 0.5)) == doctest::Approx(open).epsilon(1e-12));
  }
  CHECK(uniform_survival(3, 0.7) == std::vector<double>{0.7, 0.7, 0.7});
  for (const double wrong : {0.0, -0.1, 1.01}) {
    CHECK_THROWS_AS(linear_survival(3, wrong), UsageError);
    CHECK_THROWS_AS(uniform_survival(3, wrong), UsageError);
  }
}

TEST_CASE("stochastic depth: the expected share of the branches' MACs is the published one") {
  for (const auto& [name, share] : std::vector<std::pair<const char*, double>>{{"resnet56", 0.7409}, {"resnet110", 0.7454}}) {
    NetDescription d = default_description(name);
    d.survival = linear_survival(build_net(d).blocks, 0.5);
    const Net net = build_net(d);
    Selection closed;
    for (int block = 0; block < net.blocks; ++block) closed.dropped.insert(block);
    const auto full = static_cast<double>(cost(net).macs), rest = static_cast<double>(cost(net, closed).macs);
    CHECK((expected_macs(net) * full - rest) / (full - rest) == doctest::Approx(share).epsilon(1e-4));
  }
}

TEST_CASE("stochastic depth: eval is the mean over all gate patterns of a linear stack") {
  // Without ReLU the net is linear in its branches, if these do not see each other's gates: one block at a time.
  NetDescription d = tiny_resnet();
  d.survival = std::vector<double>(9, 1.0);
  d.survival[8] = 0.3;  // after the last block come pooling and a linear layer; its own ReLU is kept away below
  Net net = make_net(cpu(), d, DType::f64);
  Parameter& shift = *net.store->find("layer3.2.bn2.bias");
  shift.value.copy_from(random_tensor(cpu(), shift.shape(), DType::f64, 4, 100.0, 101.0));  // always positive after the sum
  Selection closed;
  closed.dropped = {8};
  NetDescription certain = d;
  certain.survival.clear();
  Net open = make_net(cpu(), certain, DType::f64);
  open.store->values().copy_from(net.store->values());
  open.store->buffers().copy_from(net.store->buffers());
  const std::vector<double> with = eval_pass(open)[0].to_doubles(), without = eval_pass(open, closed)[0].to_doubles();
  std::vector<double> mean;
  for (std::size_t i = 0; i < with.size(); ++i) mean.push_back(0.3 * with[i] + 0.7 * without[i]);
  CHECK(difference(eval_pass(net)[0].to_doubles(), mean).relative <= 1e-12);
}

TEST_CASE("stochastic depth: scaling in training gives the gradient of the scaled branch and a plain test pass") {
  NetDescription d = tiny_resnet(), plain = d;
  d.survival = std::vector<double>(9, 1.0);
  d.survival[4] = 0.5;
  d.scale_in_training = true;
  Net scaled = make_net(cpu(), d, DType::f64), doubled = make_net(cpu(), plain, DType::f64);
  CHECK(bit_equal(eval_pass(scaled)[0], eval_pass(doubled)[0]));
  for (const char* name : {"layer2.1.bn2.weight", "layer2.1.bn2.bias"}) {
    Tensor value = doubled.store->find(name)->value;
    kernels::scale(value.clone(), 2.0, value);
  }
  CHECK(difference(train_pass(scaled).logits[0], train_pass(doubled).logits[0]).relative <= 1e-12);
}

TEST_CASE("stochastic depth: with gates per sample each row keeps or loses the branch") {
  NetDescription d = tiny_resnet();
  d.survival = std::vector<double>(9, 1.0);
  d.survival[8] = 0.5;
  d.gate_per_sample = true;
  Net gated = make_net(cpu(), d, DType::f64), open = make_net(cpu(), tiny_resnet(), DType::f64);
  constexpr std::int64_t kRows = 16;
  const Tensor x = random_tensor(cpu(), {kRows, 8, 8, 3}, DType::f64, 5);
  std::vector<std::int32_t> ids(kRows);
  for (std::size_t i = 0; i < ids.size(); ++i) ids[i] = static_cast<std::int32_t>(i);
  const auto logits = [&](const Net& net, const Selection& select) {
    Pass pass{.context = cpu(), .mode = Mode::train, .select = select, .random_key = Tensor::from_host(cpu(), {3}, std::vector<std::int32_t>{1, 0, 0}),
              .samples = Tensor::from_host(cpu(), {kRows}, ids)};
    return forward(net, pass, Var{x})[0].value.to_doubles();
  };
  Selection closed;
  closed.dropped = {8};
  const std::vector<double> mixed = logits(gated, {}), with = logits(open, {}), without = logits(open, closed);
  int kept = 0;
  for (std::size_t row = 0; row < kRows; ++row) {
    const bool branch = mixed[3 * row] == doctest::Approx(with[3 * row]).epsilon(1e-12);
    kept += branch;
    for (std::size_t c = 0; c < 3; ++c) CHECK(mixed[3 * row + c] == doctest::Approx((branch ? with : without)[3 * row + c]).epsilon(1e-12));
  }
  CHECK(kept > 2);
  CHECK(kept < 14);
}

}  // namespace pliant::test
