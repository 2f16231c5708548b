// A convolution with its batch norm equals the two layers one after another, whatever comes between them.
#include "layers/normed_conv2d.h"

#include <doctest/doctest.h>

#include <iostream>
#include <sstream>

#include "core/memory_ops.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

struct Way {
  const char* name;
  Conv2dOptions conv;
  Mode mode = Mode::train;
  int width = 0;
  bool masked = false, observed = false, onto = false;
  Activation activation = Activation::relu;  // of the norm
  bool joint = true;                         // whether one operation computes it
};

struct Result {
  std::vector<double> y, dx, gradients, buffers;
  int shown = 0;
  std::string trace;
};

// What is written to std::clog while it lives: the trace of a Context.
class Trace {
 public:
  Trace() : before_(std::clog.rdbuf(text_.rdbuf())) {}
  ~Trace() { std::clog.rdbuf(before_); }
  std::string text() const { return text_.str(); }

 private:
  std::ostringstream text_;
  std::streambuf* before_;
};

// The layers as one or as two, on the same numbers.
Result run(const Way& way, bool one) {
  const Trace trace;
  Context context(Device::cpu, {.trace = true});
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 6), &out = store.axis("out", 6);
  store.add_width({4, 3});
  auto conv = std::make_unique<Conv2d>(store, "conv", Dim(in), way.conv.depthwise ? in : out, way.conv);
  auto norm = std::make_unique<BatchNorm>(store, "bn", way.conv.depthwise ? in : out, BatchNormOptions{.activation = way.activation});
  Sequential layers("branch");
  if (one) {
    layers.add(std::make_unique<NormedConv2d>(std::move(conv), std::move(norm)));
  } else {
    layers.add(std::move(conv));
    layers.add(std::move(norm));
  }
  store.allocate(context, DType::f32);
  store.values().copy_from(random_tensor(context, store.values().shape(), DType::f32, 1));
  kernels::fill(store.buffers(), 1.0);
  if (way.masked) out.mask = Tensor::from_host<float>(context, {6}, std::vector<float>{1, 0, 1, 1, 0, 1});
  Tape tape;
  Result result;
  const PassObserver observer = [&](const std::string& layer, const Tensor&, const Tensor&) { result.shown += layer == "conv"; };
  Pass pass{.context = context, .tape = &tape, .mode = way.mode, .select = {.width = way.width}, .observer = way.observed ? &observer : nullptr};
  const Var x = tape.leaf(random_tensor(context, {3, 5, 4, way.width == 0 ? 6 : 4}, DType::f32, 2));
  const Shape y_shape{3, 5, 4, way.width == 0 ? 6 : way.conv.depthwise ? 4 : 3};
  const Var y = way.onto ? layers.forward_onto(pass, x, {random_tensor(context, y_shape, DType::f32, 3)}, Activation::relu) : layers.forward(pass, x);
  tape.backward({{y, random_tensor(context, y_shape, DType::f32, 4)}});
  result.y = y.value.to_doubles(), result.dx = tape.gradient(x).to_doubles(), result.trace = trace.text();
  result.gradients = store.gradients().to_doubles(), result.buffers = store.buffers().to_doubles();
  return result;
}

constexpr Conv2dOptions kConv{.padding = 1};

}  // namespace

TEST_CASE("normed convolution: equals its two layers bit for bit and is one operation where nothing comes between them") {
  const Way ways[] = {{.name = "bare", .conv = kConv},
                      {.name = "onto a residual", .conv = kConv, .onto = true, .activation = Activation::identity},
                      {.name = "relu before the residual", .conv = kConv, .onto = true, .joint = false},
                      {.name = "narrow", .conv = kConv, .width = 1},
                      {.name = "depthwise", .conv = {.padding = 1, .depthwise = true}},
                      {.name = "centre", .conv = {.padding = 1, .shape = KernelShape::centre}},
                      {.name = "cross", .conv = {.padding = 1, .shape = KernelShape::cross}, .joint = false},
                      {.name = "bias", .conv = {.padding = 1, .bias = true}, .joint = false},
                      {.name = "activation", .conv = {.padding = 1, .activation = Activation::tanh}, .joint = false},
                      {.name = "masked", .conv = kConv, .masked = true, .joint = false},
                      {.name = "observed", .conv = kConv, .observed = true, .joint = false},
                      {.name = "eval", .conv = kConv, .mode = Mode::eval, .joint = false}};
  for (const Way& way : ways) {
    CAPTURE(way.name);
    const Result one = run(way, true), two = run(way, false);
    CHECK((one.trace.find("conv2d_batch_norm_train") != std::string::npos) == way.joint);
    CHECK(two.trace.find("conv2d_batch_norm_train") == std::string::npos);
    CHECK(one.shown == (way.observed ? 1 : 0));
    CHECK(one.y == two.y);
    CHECK(one.dx == two.dx);
    CHECK(one.gradients == two.gradients);
    CHECK(one.buffers == two.buffers);
  }
}

TEST_CASE("normed convolution: has the name of the convolution and the costs of both") {
  ParameterStore store;
  ChannelAxis &in = store.axis("in", 6), &out = store.axis("out", 8);
  auto conv = std::make_unique<Conv2d>(store, "conv", Dim(in), out, kConv);
  const NormedConv2d layer(std::move(conv), std::make_unique<BatchNorm>(store, "bn", out, BatchNormOptions{}));
  CHECK(layer.name() == "conv");
  CHECK(layer.convolutions() == 1);
  std::vector<LayerCost> rows;
  CHECK(layer.cost({}, {1, 9, 9, 6}, rows) == Shape{1, 9, 9, 8});
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].name == "conv");
  CHECK(rows[1].name == "bn");
  CHECK(rows[1].parameters == 16);
}

}  // namespace pliant::test
