// Layers: what they declare, what they cost and what they refuse. Values and gradients are tested with the operations, and whole
// nets in tests/nets.
#include <doctest/doctest.h>

#include <unordered_set>

#include "core/memory_ops.h"
#include "layers/batch_norm.h"
#include "layers/conv2d.h"
#include "layers/exit_head.h"
#include "layers/linear.h"
#include "layers/residual.h"
#include "layers/simple.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Var constant(const Tensor& value) { return Var{value}; }

}  // namespace

TEST_CASE("selection: equal values are equal and hash alike and print") {
  Selection a, b;
  CHECK(a == b);
  a.dropped = {3, 599};
  CHECK_FALSE(a == b);
  b.dropped.insert(599);
  b.dropped.insert(3);
  CHECK(a == b);
  CHECK(std::hash<Selection>{}(a) == std::hash<Selection>{}(b));
  CHECK(a.dropped.contains(599));
  CHECK_FALSE(a.dropped.contains(600));
  CHECK_FALSE(a.dropped.contains(100000));
  CHECK(a.dropped.count() == 2);
  a.width = 1;
  a.skipped_exits = {0};
  CHECK(cat(a) == "width 1, dropped blocks {3, 599}, skipped exits {0}");
  std::unordered_set<Selection> set{a, b, a};
  CHECK(set.size() == 2);
  CHECK_THROWS_AS(a.dropped.insert(-1), ConfigError);
}

TEST_CASE("conv2d layer: declares its parameters and counts its work") {
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 6), &out = store.axis("out", 8);
  const Conv2d plain(store, "conv", Dim(in), out, {.kernel = 3, .stride = 2, .padding = 1, .groups = 2, .bias = true});
  CHECK(store.find("conv.weight")->shape() == Shape{8, 3, 3, 3});
  CHECK(store.find("conv.bias")->shape() == Shape{8});
  std::vector<LayerCost> rows;
  CHECK(plain.cost({}, {1, 9, 9, 6}, rows) == Shape{1, 5, 5, 8});
  REQUIRE(rows.size() == 1);
  CHECK(rows[0].parameters == 8 * 27 + 8);
  CHECK(rows[0].macs == 25 * 8 * 27);
  const Conv2d depthwise(store, "dw", Dim(out), out, {.kernel = 3, .padding = 1, .depthwise = true});
  CHECK(store.find("dw.weight")->shape() == Shape{8, 3, 3, 1});
  CHECK(depthwise.cost({}, {1, 4, 4, 8}, rows) == Shape{1, 4, 4, 8});
  CHECK(rows[1].macs == 16 * 8 * 9);
  CHECK_THROWS_WITH_AS(plain.cost({}, {1, 9, 9, 5}, rows), doctest::Contains("conv: "), ShapeError);
  CHECK_THROWS_WITH_AS(Conv2d(store, "bad", Dim(in), out, {.groups = 4}), doctest::Contains("4 groups"), ConfigError);
  CHECK_THROWS_AS(Conv2d(store, "bad", Dim(in), out, {.depthwise = true}), ConfigError);
}

TEST_CASE("conv2d layer: a cross and a centre count their own taps and give the same map") {
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 6), &out = store.axis("out", 8);
  std::vector<LayerCost> rows;
  const auto made = [&](const char* name, KernelShape shape, int stride) {
    return std::make_unique<Conv2d>(store, name, Dim(in), out, Conv2dOptions{.stride = stride, .padding = 1, .bias = true, .shape = shape});
  };
  const LayerPtr full = made("full", KernelShape::full, 2), cross = made("cross", KernelShape::cross, 2), centre = made("centre", KernelShape::centre, 2);
  CHECK(store.find("cross.weight")->shape() == Shape{8, 5, 1, 6});
  CHECK(store.find("centre.weight")->shape() == Shape{8, 1, 1, 6});
  for (const Layer* layer : {full.get(), cross.get(), centre.get()}) CHECK(layer->cost({}, {1, 9, 8, 6}, rows) == Shape{1, 5, 4, 8});
  for (std::size_t i = 0; i < 3; ++i) {
    const std::int64_t taps = i == 0 ? 9 : i == 1 ? 5 : 1;
    CHECK(rows[i].macs == 20 * 8 * 6 * taps);
    CHECK(rows[i].parameters == 8 * 6 * taps + 8);
  }
  store.allocate(cpu(), DType::f64);
  for (Parameter& parameter : store.parameters()) parameter.value.copy_from(random_tensor(cpu(), parameter.shape(), DType::f64, 1));
  const Var x{random_tensor(cpu(), {2, 9, 8, 6}, DType::f64, 2)}, bias{store.find("cross.bias")->value};
  Pass pass{.context = cpu()};
  CHECK(bit_equal(cross->forward(pass, x).value, conv2d_cross(x, {store.find("cross.weight")->value}, bias, 2).value));
  CHECK(centre->forward(pass, x).value.shape() == Shape{2, 5, 4, 8});
  const Conv2dOptions wide{.kernel = 5, .padding = 2, .shape = KernelShape::cross};
  CHECK_THROWS_WITH_AS(Conv2d(store, "bad", Dim(in), out, wide), doctest::Contains("the shape cross"), ConfigError);
}

TEST_CASE("conv2d layer: a depthwise convolution follows its active channels") {
  ParameterStore store;
  ChannelAxis& axis = store.axis("c", 8);
  store.add_width({3});
  const Conv2d depthwise(store, "dw", Dim(axis), axis, {.kernel = 3, .padding = 1, .depthwise = true});
  store.allocate(cpu(), DType::f64);
  const Tensor weight = random_tensor(cpu(), {8, 3, 3, 1}, DType::f64, 1);
  store.find("dw.weight")->value.copy_from(weight);
  const Tensor x = random_tensor(cpu(), {2, 5, 5, 3}, DType::f64, 2);
  Pass pass{.context = cpu(), .select = {.width = 1}};
  const Tensor y = depthwise.forward(pass, constant(x)).value;
  const Var expected = conv2d(constant(x), constant(weight.rows(0, 3).clone()), {}, {.padding = 1, .groups = 3});
  CHECK(bit_equal(y, expected.value));
}

TEST_CASE("linear layer: reads a whole map and refuses another size") {
  ParameterStore store;
  ChannelAxis& in = store.axis("in", 3);
  const Linear layer(store, "fc", 2, 2, Dim(in), Dim(5));
  CHECK(store.find("fc.weight")->shape() == Shape{5, 2, 2, 3});
  std::vector<LayerCost> rows;
  CHECK(layer.cost({}, {1, 2, 2, 3}, rows) == Shape{1, 5});
  CHECK(rows[0].parameters == 65);
  CHECK(rows[0].macs == 60);
  CHECK_THROWS_WITH_AS(layer.cost({}, {1, 3, 2, 3}, rows), doctest::Contains("fc: built for inputs of 2 x 2 x 3"), ShapeError);
}

TEST_CASE("batch norm layer: sets have the size of their width and are chosen by the selection") {
  ParameterStore store;
  ChannelAxis& axis = store.axis("c", 6);
  store.add_width({4});
  const BatchNorm layer(store, "bn", axis, {.sets = 2});
  CHECK(store.find("bn.weight")->shape() == Shape{6});
  CHECK(store.find("bn.set1.weight")->shape() == Shape{4});
  CHECK(store.find("bn.set1.running_var")->shape() == Shape{4});
  store.allocate(cpu(), DType::f64);
  for (const char* name : {"bn.running_var", "bn.set1.running_var"}) kernels::fill(store.find(name)->value, 1.0);
  kernels::fill(store.find("bn.weight")->value, 2.0);
  kernels::fill(store.find("bn.set1.weight")->value, 3.0);
  const Tensor x = random_tensor(cpu(), {2, 2, 2, 4}, DType::f64, 1);
  Pass pass{.context = cpu(), .select = {.width = 1}};
  const Tensor y = layer.forward(pass, constant(x)).value;
  CHECK(y.to_doubles()[0] == doctest::Approx(3.0 * x.to_doubles()[0]).epsilon(1e-4));
  std::vector<LayerCost> rows;
  layer.cost({.width = 1}, {1, 2, 2, 4}, rows);
  CHECK(rows[0].parameters == 8);
  CHECK_THROWS_AS(layer.cost({}, {1, 2, 2, 5}, rows), ShapeError);
  CHECK_THROWS_WITH_AS(BatchNorm(store, "bad", axis, {.sets = 3}), doctest::Contains("3 sets for 2 widths"), ConfigError);
}

TEST_CASE("batch norm layer: shared statistics serve a narrow width through their leading part") {
  ParameterStore store;
  ChannelAxis& axis = store.axis("c", 6);
  store.add_width({4});
  const BatchNorm layer(store, "bn", axis, {});
  store.allocate(cpu(), DType::f64);
  kernels::fill(store.find("bn.weight")->value, 1.0);
  const Tensor x = random_tensor(cpu(), {3, 2, 2, 4}, DType::f64, 1, 1.0, 2.0);
  Tape tape;
  Pass pass{.context = cpu(), .tape = &tape, .mode = Mode::train, .select = {.width = 1}};
  layer.forward(pass, constant(x));
  const std::vector<double> mean = store.find("bn.running_mean")->value.to_doubles();
  for (std::size_t c = 0; c < 6; ++c) CHECK((mean[c] != 0.0) == (c < 4));
}

TEST_CASE("residual layer: shapes must agree and survival lies in 0 to 1") {
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 4), &out = store.axis("out", 5);
  auto branch = std::make_unique<Sequential>("branch");
  branch->add(std::make_unique<Conv2d>(store, "conv", Dim(in), out, Conv2dOptions{.kernel = 3, .padding = 1}));
  const Residual block("block", 0, std::move(branch), nullptr);
  std::vector<LayerCost> rows;
  CHECK_THROWS_WITH_AS(block.cost({}, {1, 4, 4, 4}, rows), doctest::Contains("the branch gives [1, 4, 4, 5]"), ShapeError);
  for (const double survival : {0.0, -0.1, 1.1}) {
    CHECK_THROWS_AS(Residual("block", 0, std::make_unique<Sequential>("b"), nullptr, ResidualOptions{survival}), ConfigError);
  }
}

TEST_CASE("residual layer: a factor multiplies the branch and learns") {
  ParameterStore store;
  ChannelAxis& axis = store.axis("c", 3);
  auto branch = std::make_unique<Conv2d>(store, "conv", Dim(axis), axis, Conv2dOptions{.kernel = 1});
  Parameter& factor = store.add("block.block_scale", Role::block_scale, {1});
  const Residual block("block", 0, std::move(branch), nullptr, {.activation = Activation::identity, .scale = &factor});
  store.allocate(cpu(), DType::f64);
  const Tensor filter = random_tensor(cpu(), {3, 1, 1, 3}, DType::f64, 1), x = random_tensor(cpu(), {2, 3, 3, 3}, DType::f64, 2);
  store.find("conv.weight")->value.copy_from(filter);
  const std::vector<double> convolved = conv2d(constant(x), constant(filter), {}, {}).value.to_doubles(), skip = x.to_doubles();
  for (const double s : {0.0, 0.75}) {
    kernels::fill(factor.value, s);
    store.gradients().zero();
    Tape tape;
    Pass pass{.context = cpu(), .tape = &tape, .mode = Mode::train};
    const Var y = block.forward(pass, constant(x));
    double sum = 0.0;
    for (std::size_t i = 0; i < skip.size(); ++i) {
      CHECK(std::abs(y.value.to_doubles()[i] - (skip[i] + s * convolved[i])) <= 1e-12);
      sum += convolved[i];
    }
    tape.backward({{y, {}}});
    CHECK(std::abs(factor.grad.to_doubles()[0] - sum) <= 1e-12);  // also where it is 0: the branch ran
  }
  std::vector<LayerCost> rows;
  block.cost({}, {1, 3, 3, 3}, rows);
  CHECK(rows.back().parameters == 1);
  rows.clear();
  block.cost({.dropped = {0}}, {1, 3, 3, 3}, rows);
  CHECK(rows.back().parameters == 0);
}

TEST_CASE("channel map: appends zeros and follows the width") {
  ParameterStore store;
  ChannelAxis &from = store.axis("from", 4), &to = store.axis("to", 6);
  store.add_width({2, 5});
  const ChannelMap pad("pad", from, to, {0, 1, 2, 3, -1, -1});
  const Tensor x = Tensor::from_host<float>(cpu(), {1, 1, 1, 4}, std::vector<float>{1, 2, 3, 4});
  Pass pass{.context = cpu()};
  CHECK(pad.forward(pass, constant(x)).value.to_host<float>() == std::vector<float>{1, 2, 3, 4, 0, 0});
  pass.select.width = 1;
  const Tensor narrow = Tensor::from_host<float>(cpu(), {1, 1, 1, 2}, std::vector<float>{1, 2});
  CHECK(pad.forward(pass, constant(narrow)).value.to_host<float>() == std::vector<float>{1, 2, 0, 0, 0});
  CHECK_THROWS_AS(ChannelMap("bad", from, to, {0, 1}), ConfigError);
  CHECK_THROWS_AS(ChannelMap("bad", from, to, {0, 1, 2, 4, -1, -1}), ConfigError);
}

TEST_CASE("dropout layer: does nothing in eval mode and needs a random key in train mode") {
  const Dropout layer("drop", 0, 0.5);
  const Tensor x = random_tensor(cpu(), {4, 8}, DType::f32, 1);
  Pass pass{.context = cpu()};
  CHECK(bit_equal(layer.forward(pass, constant(x)).value, x));
  pass.mode = Mode::train;
  CHECK_THROWS_WITH_AS(layer.forward(pass, constant(x)), doctest::Contains("drop: a training pass needs"), ConfigError);
  pass.random_key = Tensor::from_host<std::int32_t>(cpu(), {3}, std::vector<std::int32_t>{1, 0, 0});
  pass.samples = Tensor::from_host<std::int32_t>(cpu(), {4}, std::vector<std::int32_t>{3, 1, 2, 0});
  int zeros = 0;
  for (const float value : layer.forward(pass, constant(x)).value.to_host<float>()) zeros += value == 0.0f;
  CHECK(zeros > 4);
  CHECK(zeros < 28);
  CHECK_THROWS_AS(Dropout("bad", 0, 1.0), ConfigError);
}

TEST_CASE("sequential and exit head: rows of cost in order") {
  ParameterStore store;
  ChannelAxis& in = store.axis("in", 4);
  const LayerPtr head = exit_head(store, in, {"fc", 3, 0.5, 1});
  std::vector<LayerCost> rows;
  CHECK(head->cost({}, {1, 5, 5, 4}, rows) == Shape{1, 3});
  REQUIRE(rows.size() == 3);
  CHECK(rows[0].type == "global average pool");
  CHECK(rows[1].type == "dropout 0.5");
  CHECK(rows[2].name == "fc");
}

}  // namespace pliant::test
