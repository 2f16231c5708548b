#include "nets/kernel_shapes.h"

#include <doctest/doctest.h>

#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

NetDescription shaped(const std::string& net, const std::string& shape) {
  NetDescription d = default_description(net);
  d.kernel_shape = shape;
  return d;
}

Shape filter_of(const Net& net, const std::string& layer) { return net.store->find(layer + ".weight")->shape(); }

}  // namespace

TEST_CASE("kernel shapes: VGG and ResNet count five ninths and one ninth of their products") {
  for (const char* name : {"vgg16", "resnet20"}) {
    CAPTURE(name);
    std::int64_t convolutions[3] = {}, others[3] = {};
    const char* shapes[] = {"full", "cross", "centre"};
    for (int i = 0; i < 3; ++i) {
      for (const LayerCost& row : cost(build_net(shaped(name, shapes[i]))).layers) {
        (row.type == "conv2d" || row.type == "cross conv2d" ? convolutions : others)[i] += row.macs;
      }
    }
    CHECK(convolutions[1] * 9 == convolutions[0] * 5);
    CHECK(convolutions[2] * 9 == convolutions[0]);
    CHECK(others[1] == others[0]);
  }
}

TEST_CASE("kernel shapes: graded filters lose their corners with depth") {
  const Net vgg = build_net(shaped("vgg16", "graded"));
  std::string found;
  for (const Parameter& parameter : vgg.store->parameters()) {
    if (parameter.role == Role::filter) found += cat(parameter.shape()[1] * parameter.shape()[2]);
  }
  CHECK(found == "9999999555111");
  const Net resnet = build_net(shaped("resnet20", "graded"));
  CHECK(filter_of(resnet, "conv1") == Shape{16, 3, 3, 3});
  CHECK(filter_of(resnet, "layer1.2.conv2") == Shape{16, 3, 3, 16});
  CHECK(filter_of(resnet, "layer2.0.conv1") == Shape{32, 5, 1, 16});
  CHECK(filter_of(resnet, "layer3.0.conv1") == Shape{64, 1, 1, 32});
}

TEST_CASE("kernel shapes: what was removed or cut off does not change the grades of the rest") {
  NetDescription d = shaped("resnet20", "graded");
  d.removed_blocks = {7, 8};
  d.exits = {5};
  d.last_stage = 5;
  const Net net = build_net(d);
  CHECK(filter_of(net, "layer1.0.conv1") == Shape{16, 3, 3, 16});
  CHECK(filter_of(net, "layer2.0.conv2") == Shape{32, 5, 1, 32});
}

TEST_CASE("kernel shapes: a net of crosses trains and narrows like another") {
  NetDescription d = tiny_resnet();
  d.kernel_shape = "cross";
  d.widths = {share_of_axes(build_net(d), 0.5)};
  Net net = make_net(cpu(), d, DType::f64);
  NetDescription narrow_d = tiny_resnet();
  narrow_d.kernel_shape = "cross";
  const auto& axes = net.store->axes();
  for (const auto& axis : axes) {
    if (axis->plain()) narrow_d.axis_sizes[axis->name()] = axis->active(1);
  }
  Net narrow = make_net(cpu(), narrow_d, DType::f64);
  copy_leading(net, narrow);
  CHECK(difference(eval_pass(net, {.width = 1})[0], eval_pass(narrow)[0]).relative <= 1e-12);
  const StepOutcome step = train_pass(net);
  double largest = 0.0;
  for (const double value : net.store->find("layer2.0.conv1.weight")->grad.to_doubles()) largest = std::max(largest, std::abs(value));
  CHECK(largest > 0.0);
}

TEST_CASE("kernel shapes: nets without 3x3 convolutions are refused") {
  CHECK_THROWS_WITH_AS(build_net(shaped("lenet5", "cross")), doctest::Contains("lenet5: has no 3 x 3 convolution"), ConfigError);
  CHECK_THROWS_WITH_AS(build_net(shaped("mobilenet-v1", "graded")), doctest::Contains("needs at least 2"), ConfigError);
  CHECK_THROWS_WITH_AS(build_net(shaped("resnet20", "round")), doctest::Contains("expected full, cross, centre or graded"), ConfigError);
}

}  // namespace pliant::test
