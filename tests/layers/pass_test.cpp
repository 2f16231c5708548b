// What an observer of a pass is shown.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "core/memory_ops.h"
#include "layers/conv2d.h"
#include "layers/linear.h"
#include "layers/simple.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

struct Seen {
  std::string layer;
  Tensor x, y;
};

}  // namespace

TEST_CASE("pass: an observer sees what convolutions and linear layers read and write before masks") {
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 3), &out = store.axis("out", 4);
  const Conv2d conv(store, "conv", Dim(in), out, {.kernel = 3, .padding = 1, .bias = true});
  const Linear linear_layer(store, "fc", 5, 5, Dim(out), Dim(2));
  store.allocate(cpu(), DType::f64);
  for (Parameter& parameter : store.parameters()) parameter.value.copy_from(random_tensor(cpu(), parameter.shape(), DType::f64, 1, 0.5, 1.0));
  out.mask = make_tensor(cpu(), {4}, DType::f64, {1, 0, 1, 1});

  std::vector<Seen> seen;
  const PassObserver observer = [&](const std::string& layer, const Tensor& x, const Tensor& y) { seen.push_back({layer, x, y}); };
  const Var x{random_tensor(cpu(), {2, 5, 5, 3}, DType::f64, 2)};
  Pass pass{.context = cpu(), .observer = &observer};
  const Var hidden = conv.forward(pass, x);
  const Var logits = linear_layer.forward(pass, hidden);
  REQUIRE(seen.size() == 2);
  CHECK(seen[0].layer == "conv");
  CHECK(bit_equal(seen[0].x, x.value));
  CHECK(bit_equal(seen[0].y, conv2d(x, {store.find("conv.weight")->value}, {store.find("conv.bias")->value}, {.padding = 1}).value));
  CHECK(seen[0].y.to_doubles()[1] != 0.0);  // a masked channel as the convolution computed it
  CHECK(hidden.value.to_doubles()[1] == 0.0);
  CHECK(seen[1].layer == "fc");
  CHECK(bit_equal(seen[1].x, hidden.value));
  CHECK(bit_equal(seen[1].y, logits.value));

  pass.observer = nullptr;
  CHECK(bit_equal(conv.forward(pass, x).value, hidden.value));
  CHECK(seen.size() == 2);
}

TEST_CASE("pass: an observer sees the active part of a narrow width") {
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 3), &out = store.axis("out", 4);
  store.add_width({2, 3});
  const Conv2d conv(store, "conv", Dim(in), out, {.kernel = 1});
  store.allocate(cpu(), DType::f64);
  Shape x_shape{}, y_shape{};
  const PassObserver observer = [&](const std::string&, const Tensor& x, const Tensor& y) { x_shape = x.shape(), y_shape = y.shape(); };
  Pass pass{.context = cpu(), .select = {.width = 1}, .observer = &observer};
  conv.forward(pass, Var{random_tensor(cpu(), {2, 5, 5, 2}, DType::f64, 2)});
  CHECK(x_shape == Shape{2, 5, 5, 2});
  CHECK(y_shape == Shape{2, 5, 5, 3});
}

}  // namespace pliant::test
