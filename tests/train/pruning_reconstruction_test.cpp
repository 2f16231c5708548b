#include "train/pruning/reconstruction.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "nets/builder.h"
#include "nets/compact.h"
#include "tests/train/pruning_support.h"
#include "train/evaluate.h"
#include "train/pruning/thinet.h"

namespace pliant::test {

namespace {

using Channels = std::vector<std::int64_t>;
using Plan = std::vector<AxisRatio>;

constexpr double kSame = 1e-4;

struct Case {
  NetDescription description;
  std::vector<std::string> axes;
};

std::vector<Case> cases() {
  return {{narrow("lenet5", 20, 8), {"conv1", "conv2", "fc1", "fc2"}},
          {tiny_resnet(), {"layer1.0.conv1", "layer1.2.conv1", "layer2.0.conv1", "layer3.1.conv1"}},
          {narrow("vgg16", 16, 6), {"features.0", "features.3", "features.7", "features.14", "features.40"}}};
}

// With shifts and biases that let every channel through its ReLU for some image at least.
Net lively_net(const NetDescription& d, DType dtype) {
  Net net = make_net(cpu(), d, dtype);
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::shift && parameter.role != Role::bias) continue;
    parameter.value.copy_from(random_tensor(cpu(), parameter.shape(), dtype, static_cast<unsigned>(parameter.offset), 0.8, 1.6));
  }
  return net;
}

// Changes rows of a vector or filter parameter: row `to` becomes `factor` times row `from`.
void copy_row(Net& net, const std::string& name, std::int64_t from, std::int64_t to, double factor) {
  Parameter* parameter = net.store->find(name);
  if (!parameter) return;
  std::vector<double> values = parameter->value.to_doubles();
  const std::size_t row = values.size() / static_cast<std::size_t>(parameter->dims[0].size);
  for (std::size_t i = 0; i < row; ++i) values[static_cast<std::size_t>(to) * row + i] = factor * values[static_cast<std::size_t>(from) * row + i];
  parameter->value.copy_from(make_tensor(cpu(), parameter->shape(), net.store->dtype(), values));
}

// Channel `to` of the axis becomes `factor` times channel `from`: 0 kills it. Its reader's weights become 0.02 times those of `from`.
void duplicate(Net& net, const std::string& axis, std::int64_t from, std::int64_t to, double factor) {
  const std::vector<ChannelGroup> groups = channel_groups(net);
  const ChannelWriter& writer = group_of(groups, axis).writers[0];
  if (writer.scale) {
    const std::string norm = writer.scale->name.substr(0, writer.scale->name.rfind('.'));
    copy_row(net, writer.weight->name, from, to, 1.0);
    for (const char* name : {".running_mean", ".running_var"}) copy_row(net, norm + name, from, to, 1.0);
    for (const char* name : {".weight", ".bias"}) copy_row(net, norm + name, from, to, factor);
  } else {
    for (const char* name : {".weight", ".bias"}) copy_row(net, writer.layer + name, from, to, factor);
  }
  const ReadingLayer reader = reading_layer(net, groups, axis);
  Matrix filter = filter_matrix(*reader.weight);
  for (std::int64_t tap = 0; tap < reader.taps(); ++tap) {
    for (std::int64_t k = 0; k < filter.columns; ++k) filter(tap * reader.channels() + to, k) = 0.02 * filter(tap * reader.channels() + from, k);
  }
  write_filter(filter, *reader.weight);
}

// A stem and one residual block whose first convolution reads a selection of the stream.
Net selecting_net() {
  NetDescription d = default_description("resnet20");
  d.height = d.width = 8;
  d.classes = 3;
  NetBuilder build(d);
  const Conv2dOptions conv3x3{.kernel = 3, .padding = 1};
  ChannelAxis &stream = build.axis("stream", 8), &inner = build.axis("block.conv1", 6), &taken = build.selection("block.select", stream);
  auto stem = std::make_unique<Sequential>("stem"), branch = std::make_unique<Sequential>("block");
  stem->add(build.conv("conv1", Dim(d.channels), stream, conv3x3));
  stem->add(build.batch_norm("bn1", stream, Activation::relu));
  build.stage(std::move(stem), stream);
  branch->add(build.select("block.select", stream, taken));
  branch->add(build.conv("block.conv1", Dim(taken), inner, conv3x3));
  branch->add(build.batch_norm("block.bn1", inner, Activation::relu));
  branch->add(build.conv("block.conv2", Dim(inner), stream, conv3x3));
  branch->add(build.batch_norm("block.bn2", stream, Activation::identity));
  LayerPtr block = build.residual("block", std::move(branch), nullptr);
  return build.finish(std::move(block), build.classifier("fc", stream, 8, 8));
}

Tensor logits(const Net& net) { return eval_pass(net)[0]; }

// Squared difference of what the reader of an axis hands on, on images that another seed draws.
double error_behind(const Net& original, const Net& net, const std::string& axis, const DeviceData& data) {
  const auto outputs = [&](const Net& of) {
    const ReadingLayer layer = reading_layer(of, channel_groups(of), axis);
    Matrix values = sample_layer(of, layer, data, {.images = 80, .locations = 8, .seed = 99}).outputs;
    const std::vector<double> mean = vector_of(layer.mean, values.columns);
    for (std::int64_t i = 0; i < values.rows; ++i) {
      for (std::int64_t k = 0; k < values.columns; ++k) values(i, k) -= mean[static_cast<std::size_t>(k)];
    }
    return values;
  };
  return squared_norm(difference(outputs(original), outputs(net)));
}

enum class Method { thinet, regression };

std::vector<ReconstructedAxis> prune(Method method, Net& net, const Net& original, const DeviceData& data, const Plan& plan,
                                     const ReconstructionOptions& options) {
  return method == Method::thinet ? prune_thinet(net, data, plan, options) : prune_regression(net, original, data, plan, options);
}

}  // namespace

TEST_CASE("reconstruction: dead and duplicate channels go and the logits stay") {
  for (const Method method : {Method::thinet, Method::regression}) {
    for (const Case& c : cases()) {
      CAPTURE(c.description.name);
      CAPTURE(static_cast<int>(method));
      Net original = lively_net(c.description, DType::f32);
      Plan plan;
      for (const std::string& axis : c.axes) {
        duplicate(original, axis, 0, 1, 0.0);
        duplicate(original, axis, 0, 2, 0.3);
        plan.push_back({.axis = axis, .kept = original.store->find_axis(axis)->size() - 2});
      }
      Net net = copy_of(original), removed = copy_of(original);
      const auto done = prune(method, net, original, calibration_images(c.description, 150), plan, {.samples = {.images = 150, .locations = 4}});
      REQUIRE(done.size() == plan.size());
      CHECK(done[0].kept == remaining(net.store->find_axis(done[0].axis)->size(), {1, 2}));
      for (const ReconstructedAxis& axis : done) {  // deep in a random net other channels are near duplicates too
        CAPTURE(axis.axis);
        CHECK(axis.error < 1e-8);
        keep_channels(cpu(), DType::f32, *removed.store->find_axis(axis.axis), {axis.kept.begin(), axis.kept.end()});
      }
      CHECK(difference(logits(removed), logits(original)).relative > 2.0 * kSame);
      CHECK(difference(logits(net), logits(original)).relative < kSame);
      CHECK(difference(logits(compact(net)), logits(original)).relative < kSame);
    }
  }
}

TEST_CASE("reconstruction: on images not sampled a rebuilt layer beats one that only lost half of its inputs") {
  for (const Method method : {Method::thinet, Method::regression}) {
    for (const Case& c : cases()) {
      const Net original = lively_net(c.description, DType::f32);
      const DeviceData data = calibration_images(c.description, 300);
      double rebuilt = 0.0, plain = 0.0;
      CAPTURE(c.description.name);
      for (const std::string& axis : c.axes) {
        CAPTURE(axis);
        CAPTURE(static_cast<int>(method));
        Net net = copy_of(original), removed = copy_of(original);
        const auto done = prune(method, net, original, data, {{.axis = axis, .removed = 0.5}}, {.samples = {.images = 150, .locations = 6}});
        const Channels& kept = done.at(0).kept;
        CHECK(static_cast<std::int64_t>(kept.size()) == net.store->find_axis(axis)->size() / 2);
        keep_channels(cpu(), DType::f32, *removed.store->find_axis(axis), {kept.begin(), kept.end()});
        CHECK(done[0].error <= done[0].removal_error);
        CHECK(difference(logits(compact(net)), logits(net)).relative < 1e-5);
        rebuilt += error_behind(original, net, axis, data);
        plain += error_behind(original, removed, axis, data);
      }
      CHECK(rebuilt < (method == Method::thinet ? 1.0 : 0.7) * plain);
    }
  }
}

TEST_CASE("reconstruction: regression over several layers keeps the logits nearer than removal does") {
  for (const Case& c : cases()) {
    CAPTURE(c.description.name);
    const Net original = lively_net(c.description, DType::f32);
    Net net = copy_of(original), removed = copy_of(original);
    Plan plan;
    for (const std::string& axis : c.axes) plan.push_back({.axis = axis, .removed = 0.5});
    const DeviceData data = calibration_images(c.description, 150);
    for (const ReconstructedAxis& axis : prune_regression(net, original, data, plan, {.samples = {.images = 150, .locations = 6}})) {
      keep_channels(cpu(), DType::f32, *removed.store->find_axis(axis.axis), {axis.kept.begin(), axis.kept.end()});
    }
    const auto logits_of = [&](const Net& of) {
      std::vector<double> all;
      each_batch(of, data, 64, [&](const Batch& batch) {
        Pass pass{.context = cpu()};
        const std::vector<double> some = forward(of, pass, Var{batch.images})[0].value.to_doubles();
        all.insert(all.end(), some.begin(), some.end());
      });
      return all;
    };
    CHECK(difference(logits_of(net), logits_of(original)).relative < 0.7 * difference(logits_of(removed), logits_of(original)).relative);
  }
}

TEST_CASE("reconstruction: removing nothing changes nothing") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const Method method : {Method::thinet, Method::regression}) {
      for (const Case& c : cases()) {
        CAPTURE(c.description.name);
        const Net original = lively_net(c.description, dtype);
        Net net = copy_of(original);
        Plan plan;
        for (const std::string& axis : c.axes) plan.push_back({.axis = axis, .removed = 0.0});
        prune(method, net, original, calibration_images(c.description, 70), plan, {.samples = {.images = 70, .locations = 6}});
        for (const auto& axis : net.store->axes()) CHECK(!axis->mask);
        CHECK(difference(logits(net), logits(original)).relative < kSame);
      }
    }
  }
}

TEST_CASE("reconstruction: the first layer of a residual branch loses inputs through its selection and the stream stays") {
  for (const Method method : {Method::thinet, Method::regression}) {
    CAPTURE(static_cast<int>(method));
    Net original = with_values(cpu(), selecting_net(), DType::f32);
    copy_row(original, "bn1.weight", 0, 1, 0.0);
    copy_row(original, "bn1.bias", 0, 1, 0.0);
    for (const std::int64_t kept : {7, 4}) {
      Net net = with_values(cpu(), selecting_net(), DType::f32);
      net.store->values().copy_from(original.store->values());
      const DeviceData data = calibration_images(net.description, 100);
      const auto done = prune(method, net, original, data, {{.axis = "block.select", .kept = kept}}, {.samples = {.images = 100, .locations = 8}});
      CHECK(done.at(0).layer == "block.conv1");
      CHECK(std::find(done[0].kept.begin(), done[0].kept.end(), 1) == done[0].kept.end());
      CHECK(kept_channels(*net.store->find_axis("block.select")).size() == static_cast<std::size_t>(kept));
      CHECK(!net.store->find_axis("stream")->mask);
      if (kept == 7) CHECK(difference(logits(net), logits(original)).relative < kSame);
      if (kept == 4) CHECK(done[0].error < done[0].removal_error);
    }
  }
}

TEST_CASE("reconstruction: goes from front to back and calls after each axis") {
  const Net original = make_net(cpu(), tiny_resnet(), DType::f32);
  Net net = copy_of(original);
  std::vector<std::string> order;
  const ReconstructionOptions options{.samples = {.images = 100, .locations = 4},
                                      .after_axis = [&](const std::string& axis) {
                                        order.push_back(axis);
                                        CHECK(net.store->find_axis(axis)->mask);
                                      }};
  prune_thinet(net, calibration_images(net.description, 100), {{.axis = "layer3.0.conv1"}, {.axis = "layer1.1.conv1"}, {.axis = "layer2.0.conv1"}}, options);
  CHECK(order == std::vector<std::string>{"layer1.1.conv1", "layer2.0.conv1", "layer3.0.conv1"});
}

TEST_CASE("reconstruction: the end of a residual branch makes up for what the shortcut lost") {
  const Net original = make_net(cpu(), tiny_resnet(), DType::f64);
  Net damaged = copy_of(original);
  copy_row(damaged, "layer1.0.bn2.weight", 0, 0, 0.8);  // the stream carries less from here on
  const DeviceData data = calibration_images(original.description, 200);
  const ReadingLayer next = reading_layer(original, channel_groups(original), "layer1.2.conv1");
  const SampleOptions samples{.images = 200, .locations = 16};
  const auto error_of_stream = [&](const Net& net) {
    return squared_norm(difference(sample_layer(original, next, data, samples).shortcuts,
                                   sample_layer(net, reading_layer(net, channel_groups(net), "layer1.2.conv1"), data, samples).shortcuts));
  };
  const double before = error_of_stream(damaged);
  prune_regression(damaged, original, data, {{.axis = "layer1.1.conv1", .removed = 0.0}}, {.samples = samples});
  CHECK(error_of_stream(damaged) < 0.9 * before);
}

TEST_CASE("reconstruction: what cannot be done is refused before anything changes") {
  const Net original = make_net(cpu(), tiny_resnet(), DType::f32);
  Net net = copy_of(original);
  const DeviceData data = calibration_images(net.description, 60), digits = calibration_images(narrow("lenet5", 20, 8), 10);
  const AxisRatio good{.axis = "layer1.0.conv1"};
  const ReconstructionOptions options{.samples = {.images = 60, .locations = 4}};
  const auto refuses = [&](const Plan& plan, const DeviceData& images, const std::string& message) {
    CAPTURE(message);
    CHECK_THROWS_WITH_AS(prune_thinet(net, images, plan, options), doctest::Contains(message.c_str()), ConfigError);
    CHECK_THROWS_WITH_AS(prune_regression(net, original, images, plan, options), doctest::Contains(message.c_str()), ConfigError);
  };
  refuses({good, {.axis = "layer1"}}, data, "axis layer1: a sum");
  refuses({good, good}, data, "stands twice");
  refuses({good, {.axis = "layer2.0.conv1", .removed = 1.0}}, data, "axis layer2.0.conv1: the removed share lies in [0, 1)");
  refuses({good, {.axis = "layer2.0.conv1", .removed = 0.99}}, data, "leaves none");
  refuses({good, {.axis = "layer2.0.conv1", .kept = 7}}, data, "cannot keep 7 channels of the 6");
  refuses({good}, digits, "calibration images are 20 x 20 x 1");
  CHECK_THROWS_AS(prune_thinet(net, data, {good, {.axis = "stem"}}, options), UsageError);
  CHECK_THROWS_AS(prune_thinet(net, DeviceData{}, {good}, options), DataError);
  CHECK_THROWS_WITH_AS(prune_regression(net, original, data, {good, {.axis = "layer3.2.conv1"}}, {.samples = {.images = 9, .locations = 2}}),
                       "layer1.0.conv2: 18 samples do not determine 19 values; calibrate on more images or locations", ConfigError);
  CHECK_THROWS_WITH_AS(prune_regression(net, make_net(cpu(), narrow("lenet5", 20, 8), DType::f32), data, {good}, options),
                       doctest::Contains("of the same structure"), ConfigError);
  CHECK_THROWS_AS(prune_regression(net, net, data, {good}, options), ConfigError);
  CHECK(bit_equal(net.store->values(), original.store->values()));
  CHECK(bit_equal(net.store->buffers(), original.store->buffers()));
  for (const auto& axis : net.store->axes()) CHECK(!axis->mask);
}

}  // namespace pliant::test
