#include "train/pruning/samples.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "nets/compact.h"
#include "tests/train/pruning_support.h"

namespace pliant::test {

namespace {

ReadingLayer layer_of(const Net& net, const std::string& axis) { return reading_layer(net, channel_groups(net), axis); }

std::vector<double> row_sums(const Matrix& x) {
  std::vector<double> sums(static_cast<std::size_t>(x.rows));
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < x.columns; ++j) sums[static_cast<std::size_t>(i)] += x(i, j);
  }
  return sums;
}

// Patches times filter plus bias give the layer's outputs, and contributions sum up to one of them without bias.
void check_identity(const Net& net, const DeviceData& data, const std::string& axis, const Shape& filter) {
  CAPTURE(axis);
  const ReadingLayer layer = layer_of(net, axis);
  CHECK(layer.weight->shape() == filter);
  const SampleOptions options{.images = 9, .locations = 6, .batch = 4};
  const LayerSamples samples = sample_layer(net, layer, data, options);
  REQUIRE(samples.patches.rows == sample_count(layer, data, options));
  Matrix outputs = product(samples.patches, filter_matrix(*layer.weight));
  const std::vector<double> bias = vector_of(layer.bias, layer.outputs());
  for (std::int64_t i = 0; i < outputs.rows; ++i) {
    for (std::int64_t k = 0; k < outputs.columns; ++k) outputs(i, k) += bias[static_cast<std::size_t>(k)];
  }
  CHECK(difference(outputs.values, samples.outputs.values).relative < 1e-10);
  const Contributions split = contributions_of(samples, layer, 3);
  CHECK(split.values.columns == layer.channels());
  CHECK(difference(row_sums(split.values), split.totals.values).relative < 1e-10);
}

}  // namespace

TEST_CASE("samples: contributions sum up to the output of padded and strided and pointwise convolutions") {
  const Net deep = make_net(cpu(), narrow("resnet50", 32, 5), DType::f64);
  const DeviceData images = calibration_images(deep.description, 12);
  check_identity(deep, images, "layer1.0.conv1", {5, 3, 3, 5});
  check_identity(deep, images, "layer2.0.conv1", {5, 3, 3, 5});  // stride 2
  check_identity(deep, images, "layer2.0.conv2", {5, 1, 1, 5});
  CHECK(layer_of(deep, "layer2.0.conv1").geometry.stride == 2);
}

TEST_CASE("samples: contributions sum up to the output of linear layers behind a flatten and behind average pooling") {
  const Net lenet = make_net(cpu(), narrow("lenet5", 20, 8), DType::f64);
  const DeviceData digits = calibration_images(lenet.description, 12);
  check_identity(lenet, digits, "conv1", {8, 5, 5, 6});
  check_identity(lenet, digits, "conv2", {8, 2, 2, 8});
  check_identity(lenet, digits, "fc1", {8, 1, 1, 8});
  const Net vgg = make_net(cpu(), narrow("vgg16", 32, 4), DType::f64);
  check_identity(vgg, calibration_images(vgg.description, 12), "features.40", {3, 1, 1, 4});
}

TEST_CASE("samples: places depend on the seed alone and not on the batches or the net") {
  Net net = make_net(cpu(), narrow("vgg16", 16, 4), DType::f64);
  const DeviceData data = calibration_images(net.description, 20);
  const ReadingLayer layer = layer_of(net, "features.0");
  const LayerSamples samples = sample_layer(net, layer, data, {.images = 10, .locations = 3, .batch = 10});
  CHECK(samples.patches.rows == 30);
  CHECK(sample_layer(net, layer, data, {.images = 10, .locations = 3, .batch = 3}).patches.values == samples.patches.values);
  CHECK(sample_layer(net, layer, data, {.images = 10, .locations = 3, .batch = 10, .seed = 2}).patches.values != samples.patches.values);
  CHECK(sample_count(layer, data, {.images = 100, .locations = 1000}) == 20 * 16 * 16);
  net.store->find("features.7.weight")->value.zero();  // behind the layer: what it reads is the same
  CHECK(sample_layer(net, layer, data, {.images = 10, .locations = 3, .batch = 10}).patches.values == samples.patches.values);
}

TEST_CASE("samples: no contributions of an output channel that is gone") {
  Net net = make_net(cpu(), narrow("vgg16", 16, 4), DType::f64);
  const ReadingLayer layer = layer_of(net, "features.0");
  keep_channels(cpu(), DType::f64, *net.store->find_axis("features.3"), {2});
  const LayerSamples samples = sample_layer(net, layer, calibration_images(net.description, 10), {.images = 10, .locations = 3});
  const Contributions split = contributions_of(samples, layer, 1);
  for (std::int64_t i = 0; i < split.totals.rows; ++i) CHECK(split.totals(i, 0) == samples.outputs(i, 2));
}

TEST_CASE("samples: a layer that ends a residual branch comes with its shortcut and its norm") {
  const Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  const DeviceData data = calibration_images(net.description, 10);
  const ReadingLayer layer = layer_of(net, "layer1.1.conv1");
  CHECK(layer.name == "layer1.1.conv2");
  CHECK(layer.block == "layer1.1");
  CHECK(layer.mean->name == "layer1.1.bn2.running_mean");
  CHECK(layer.bias == nullptr);
  const LayerSamples samples = sample_layer(net, layer, data, {.images = 10, .locations = 64});
  CHECK(samples.shortcuts.rows == samples.outputs.rows);
  CHECK(*std::min_element(samples.shortcuts.values.begin(), samples.shortcuts.values.end()) == 0.0);  // behind a ReLU
  const Net lenet = make_net(cpu(), narrow("lenet5", 20, 8), DType::f64);
  const ReadingLayer plain = layer_of(lenet, "conv1");
  CHECK(plain.block.empty());
  CHECK(plain.mean == nullptr);
  CHECK(plain.bias->name == "conv2.bias");
}

TEST_CASE("samples: axes without one layer to rebuild and unfit calibration images are refused") {
  const Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  CHECK_THROWS_WITH_AS(layer_of(net, "layer1"), doctest::Contains("axis layer1: a sum or a concatenation"), ConfigError);
  CHECK_THROWS_AS(layer_of(net, "layer9"), UsageError);
  const Net alexnet = build_net(default_description("b-alexnet"));
  const Net widths = build_net([] {
    NetDescription d = tiny_resnet();
    d.widths.push_back(share_of_axes(build_net(d), 0.5));
    return d;
  }());
  CHECK_THROWS_WITH_AS(layer_of(widths, "layer1.0.conv1"), doctest::Contains("extract a width first"), ConfigError);
  int refused = 0;
  for (const ChannelGroup& group : channel_groups(alexnet)) {
    if (group.fixed.empty() && group.readers.size() == 1) continue;
    CHECK_THROWS_AS(layer_of(alexnet, group.axis->name()), ConfigError);
    ++refused;
  }
  CHECK(refused > 0);

  CHECK_THROWS_WITH_AS(require_calibration(net, calibration_images(narrow("lenet5", 20, 8), 10), {}),
                       "calibration images are 20 x 20 x 1, resnet20 takes 8 x 8 x 3", ConfigError);
  CHECK_THROWS_AS(require_calibration(net, DeviceData{}, {}), DataError);
  CHECK_THROWS_AS(require_calibration(net, calibration_images(net.description, 10), {.images = 0}), ConfigError);
}

}  // namespace pliant::test
