#include "train/pruning/prune.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "nets/compact.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "train/pruning/blocks.h"
#include "train/pruning/constants.h"
#include "train/pruning/keep.h"

namespace pliant::test {

namespace {

NetDescription tiny_vgg() {
  NetDescription d = default_description("vgg16");
  d.height = d.width = 16;
  const Net full = build_net(d);
  for (const auto& axis : full.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = axis->size() / 16;
  }
  return d;
}

PruneOptions with(const std::string& method, double ratio) {
  PruneOptions options;
  options.method = method;
  options.ratio = ratio;
  return options;
}

DeviceData some_images(Context& context, const NetDescription& d) {
  const std::int64_t count = 12;
  std::vector<std::uint8_t> pixels;
  for (const double value : random_values(count * d.height * d.width * d.channels, 5, 0.0, 255.0)) pixels.push_back(static_cast<std::uint8_t>(value));
  std::vector<std::int32_t> labels;
  for (std::int32_t i = 0; i < count; ++i) labels.push_back(i % d.classes);
  const std::vector<float> mean(static_cast<std::size_t>(d.channels), 0.5f), deviation(static_cast<std::size_t>(d.channels), 0.25f);
  return {.images = Tensor::from_host(context, {count, d.height, d.width, d.channels}, pixels),
          .labels = Tensor::from_host(context, {count}, labels),
          .mean = Tensor::from_host(context, {d.channels}, mean),
          .deviation = Tensor::from_host(context, {d.channels}, deviation)};
}

Tensor probe(const NetDescription& d) { return random_tensor(cpu(), {4, d.height, d.width, d.channels}, DType::f64, 9); }

// A filter bank {4, 1, 1, 2} with the rows (3, 0), (-1, -1), (2, 2), (0, 0.5).
Net with_hand_made_filters() {
  NetDescription d = tiny_vgg();
  d.axis_sizes["features.0"] = 2;
  d.axis_sizes["features.3"] = 4;
  Net net = make_net(cpu(), d, DType::f64);
  Parameter& filters = *net.store->find("features.3.weight");
  std::vector<double> values(static_cast<std::size_t>(filters.shape().size()), 0.0);
  const double rows[4][2] = {{3.0, 0.0}, {-1.0, -1.0}, {2.0, 2.0}, {0.0, 0.5}};
  for (std::size_t k = 0; k < 4; ++k) {
    for (std::size_t c = 0; c < 2; ++c) values[k * 18 + 8 + c] = rows[k][c];  // the centre tap
  }
  filters.value.copy_from(make_tensor(cpu(), filters.shape(), DType::f64, values));
  return net;
}

}  // namespace

TEST_CASE("pruning: ranks on a filter bank made by hand") {
  Net net = with_hand_made_filters();
  const std::vector<ChannelGroup> groups = channel_groups(net);
  const ChannelGroup& group = group_of(groups, "features.3");
  CHECK(ChannelScorer(net, ChannelScore::l1, {}, {}).scores(group) == std::vector<double>{3.0, 2.0, 4.0, 0.5});
  CHECK(difference(ChannelScorer(net, ChannelScore::l2, {}, {}).scores(group), {3.0, std::sqrt(2.0), std::sqrt(8.0), 0.5}).relative < 1e-15);
  const double d01 = std::sqrt(17.0), d02 = std::sqrt(5.0), d03 = std::sqrt(9.25), d12 = std::sqrt(18.0), d13 = std::sqrt(3.25), d23 = std::sqrt(6.25);
  CHECK(difference(ChannelScorer(net, ChannelScore::geometric_median, {}, {}).scores(group),
                   {d01 + d02 + d03, d01 + d12 + d13, d02 + d12 + d23, d03 + d13 + d23}).relative < 1e-14);
  // Greedy counting leaves out what reads channel 0 once that is gone; independent counting does not.
  keep_channels(cpu(), DType::f64, *net.store->find_axis("features.0"), {1});
  CHECK(ChannelScorer(net, ChannelScore::l1, {.greedy = true}, {}).scores(group) == std::vector<double>{0.0, 1.0, 2.0, 0.5});
  CHECK(ChannelScorer(net, ChannelScore::l1, {}, {}).scores(group) == std::vector<double>{3.0, 2.0, 4.0, 0.5});
}

TEST_CASE("pruning: per layer the int of what a ratio leaves stays in ascending order") {
  CHECK(kept_count(16, 0.6, {}) == 6);
  CHECK(kept_count(64, 0.1, {}) == 57);
  CHECK(kept_count(32, 0.3, {}) == 22);
  CHECK(kept_count(10, 0.9, {}) == 1);
  CHECK(kept_count(4, 0.9, {}) == 0);
  CHECK(kept_count(4, 0.9, {.floor = 1}) == 1);
  CHECK(kept_count(64, 0.7, {.most = 0.5}) == 32);
  CHECK(kept_count(64, 0.7, {.round_to = 8}) == 24);
  CHECK(kept_count(6, 0.5, {.round_to = 8}) == 6);
  CHECK(best_channels({1.0, 3.0, 3.0, 2.0, 3.0}, {0, 1, 2, 3, 4}, 2) == std::vector<std::int32_t>{1, 2});
  CHECK(best_channels({1.0, 3.0, 3.0, 2.0, 3.0}, {0, 2, 3}, 2) == std::vector<std::int32_t>{2, 3});
  Net net = with_hand_made_filters();
  PruneOptions options;
  options.ratios = {{"features.3", 0.5}};
  const Pruning pruning = prune(net, options, {});
  REQUIRE(pruning.axes.size() == 1);
  CHECK(pruning.axes[0].kept == std::vector<std::int32_t>{0, 2});
  CHECK(net.store->find_axis("features.3")->mask.to_doubles() == std::vector<double>{1.0, 0.0, 1.0, 0.0});
  CHECK_FALSE(static_cast<bool>(net.store->find_axis("features.0")->mask));
}

TEST_CASE("pruning: the global threshold is strict and takes the channel at its rank too") {
  CHECK(global_threshold({0.4, 0.1, 0.3, 0.2}, 0.5) == 0.3);
  CHECK(global_threshold({0.4, 0.1, 0.3, 0.2}, 1e-9) == 0.1);  // nearly nothing still takes the smallest one
  Net net = make_net(cpu(), tiny_vgg(), DType::f64);
  std::int64_t channels = 0;
  for (const ChannelGroup& group : channel_groups(net)) channels += group.axis->size();
  PruneOptions options = with("slimming", 0.4);
  options.floor = 1;
  const Pruning pruning = prune(net, options, {});
  std::int64_t kept = 0;
  for (const PrunedAxis& axis : pruning.axes) {
    std::int64_t above = 0;
    for (const double score : axis.scores) above += score > *axis.threshold;
    CHECK(static_cast<std::int64_t>(axis.kept.size()) == std::max<std::int64_t>(above, 1));
    kept += above;
  }
  CHECK(kept == channels - static_cast<std::int64_t>(0.4 * static_cast<double>(channels)) - 1);
  // Equal scores all lie at the threshold: all of them go, which empties the layers.
  Net equal = make_net(cpu(), tiny_vgg(), DType::f64);
  for (Parameter& parameter : equal.store->parameters()) {
    if (parameter.role == Role::scale) parameter.value.copy_from(random_tensor(cpu(), parameter.shape(), DType::f64, 1, 0.5, 0.5));
  }
  CHECK_THROWS_WITH_AS(prune(equal, with("slimming", 0.4), {}), doctest::Contains("features.0"), ConfigError);
  for (const auto& axis : equal.store->axes()) CHECK_FALSE(static_cast<bool>(axis->mask));  // nothing was masked
}

TEST_CASE("pruning: every score meets both rules and the masked net equals the smaller one") {
  for (const NetDescription& d : {tiny_vgg(), tiny_resnet()}) {
    const DeviceData data = some_images(cpu(), d);
    for (const std::string& score : score_names()) {
      for (const bool global : {false, true}) {
        CAPTURE(d.name);
        CAPTURE(score);
        CAPTURE(global);
        Net net = make_net(cpu(), d, DType::f64);
        PruneOptions options = with(score, 0.4);
        options.global = global;
        options.floor = 1;
        prune(net, options, data);
        const Net smaller = compact(net);
        CHECK(cost(smaller).parameters < cost(net).parameters);
        CHECK(largest_difference(net, smaller, probe(d)) < 1e-10);
      }
    }
  }
}

TEST_CASE("pruning: in a residual net the streams stay unless they are asked for") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  prune(net, with("l1", 0.5), {});
  CHECK_FALSE(static_cast<bool>(net.store->find_axis("layer2")->mask));
  CHECK(kept_channels(*net.store->find_axis("layer2.0.conv1")).size() == 3);
  Net streams = make_net(cpu(), tiny_resnet(), DType::f64);
  PruneOptions options = with("l1", 0.5);
  options.streams = true;
  prune(streams, options, {});
  CHECK(kept_channels(*streams.store->find_axis("layer2")).size() == 3);
  CHECK(largest_difference(streams, compact(streams), probe(streams.description)) < 1e-10);
  // With projections it is these that decide about their stream.
  NetDescription b = tiny_resnet();
  b.shortcut = 'B';
  Net projected = make_net(cpu(), b, DType::f64);
  const std::vector<ChannelGroup> groups = channel_groups(projected);
  const std::vector<const ChannelWriter*> deciding = deciding_writers(group_of(groups, "layer2"));
  REQUIRE(deciding.size() == 1);
  CHECK(deciding[0]->layer == "layer2.0.downsample.0");
}

TEST_CASE("pruning: the measured change of a dead channel is zero and Taylor's score agrees") {
  const NetDescription d = tiny_vgg();
  Net net = make_net(cpu(), d, DType::f64);
  for (const char* name : {"features.4.weight", "features.4.bias"}) {
    Parameter& parameter = *net.store->find(name);
    std::vector<double> values = parameter.value.to_doubles();
    values[2] = 0.0;
    parameter.value.copy_from(make_tensor(cpu(), parameter.shape(), DType::f64, values));
  }
  const std::vector<ChannelGroup> groups = channel_groups(net);
  const ChannelGroup& group = group_of(groups, "features.3");
  const DeviceData data = some_images(cpu(), d);
  for (const ChannelScore score : {ChannelScore::change1, ChannelScore::change2, ChannelScore::taylor, ChannelScore::gamma}) {
    const std::vector<double> scores = ChannelScorer(net, score, {}, data).scores(group);
    CHECK(scores[2] == 0.0);
    CHECK(scores[0] > 0.0);
  }
  CHECK_THROWS_AS(ChannelScorer(net, ChannelScore::taylor, {}, {}), DataError);
}

TEST_CASE("pruning: an already pruned net can be pruned again and a masked channel never comes back") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  prune(net, with("l1", 0.25), {});
  const std::vector<std::int32_t> first = kept_channels(*net.store->find_axis("layer3.0.conv1"));
  CHECK(first.size() == 6);
  prune(net, with("l1", 0.5), {});
  const std::vector<std::int32_t> second = kept_channels(*net.store->find_axis("layer3.0.conv1"));
  CHECK(second.size() == 3);
  CHECK(std::includes(first.begin(), first.end(), second.begin(), second.end()));
  Net smaller = compact(net);
  PruneOptions options = with("random", 0.4);
  options.floor = 1;
  prune(smaller, options, {});
  CHECK(largest_difference(smaller, compact(smaller), probe(net.description)) < 1e-10);
}

TEST_CASE("pruning: repeated magnitude pruning takes its share of the weights that are left") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  const Pruning first = prune(net, with("magnitude", 0.5), {}), second = prune(net, with("magnitude", 0.5), {});
  CHECK(first.kept_weights == first.weights - first.weights / 2 - 1);
  CHECK(second.kept_weights == first.kept_weights - first.kept_weights / 2 - 1);
  CHECK(second.weights == first.weights);
}

TEST_CASE("pruning: reconstruction that fails at a later layer leaves the net as it was") {
  const NetDescription d = tiny_vgg();
  const DeviceData data = some_images(cpu(), d);
  for (const char* method : {"thinet", "regression"}) {
    CAPTURE(std::string(method));
    Net net = make_net(cpu(), d, DType::f64);
    Parameter& later = *net.store->find("features.20.weight");
    std::vector<double> values = later.value.to_doubles();
    values[0] = std::numeric_limits<double>::quiet_NaN();
    later.value.copy_from(make_tensor(cpu(), later.shape(), DType::f64, values));
    const Net before = copy_of(net);
    PruneOptions options;
    options.method = method;
    options.ratios = {{"features.0", 0.5}, {"features.20", 0.5}};
    CHECK_THROWS_AS(prune(net, options, data), Error);
    CHECK(bit_equal(net.store->values(), before.store->values()));
    CHECK(bit_equal(net.store->buffers(), before.store->buffers()));
    for (const auto& axis : net.store->axes()) CHECK_FALSE(static_cast<bool>(axis->mask));
  }
}

TEST_CASE("pruning: constants are folded exactly where the next layer reads without padding") {
  NetDescription d = default_description("resnet50");
  d.height = d.width = 32;
  const Net full = build_net(d);
  for (const auto& axis : full.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = axis->size() / 16;
  }
  std::map<std::string, std::vector<std::int32_t>> kept;
  const std::vector<ChannelGroup> groups = channel_groups(full);
  for (const ChannelGroup& group : groups) {
    if (group.internal() && group.axis->name().ends_with("conv2")) kept[group.axis->name()] = {0, 2};
  }
  REQUIRE(kept.size() == 16);
  Net zeroed = make_net(cpu(), d, DType::f64), folded = make_net(cpu(), d, DType::f64), dropped = make_net(cpu(), d, DType::f64);
  zero_filters(zeroed, kept);
  CHECK(fold_constants(folded, kept).size() == 16);
  for (Net* net : {&folded, &dropped}) {
    for (const auto& [axis, channels] : kept) keep_channels(cpu(), DType::f64, *net->store->find_axis(axis), channels);
  }
  CHECK(largest_difference(zeroed, folded, probe(d)) < 1e-10);
  CHECK(largest_difference(zeroed, dropped, probe(d)) > 1e-3);
  Net vgg = make_net(cpu(), tiny_vgg(), DType::f64);  // only its last layer is read without padding
  CHECK(fold_constants(vgg, {{"features.3", {0}}, {"features.40", {0, 3}}}) == std::vector<std::string>{"features.40"});
}

TEST_CASE("pruning: what cannot be done is refused by name and masks nothing") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  CHECK_THROWS_WITH_AS(prune(net, with("l3", 0.5), {}), doctest::Contains("geometric-median"), UsageError);
  for (const double ratio : {0.0, 1.0, -0.5, 50.0}) CHECK_THROWS_AS(prune(net, with("l1", ratio), {}), UsageError);
  PruneOptions options;
  CHECK_THROWS_WITH_AS(prune(net, options, {}), doctest::Contains("needs a ratio"), UsageError);
  options.ratios = {{"layer9", 0.5}};
  CHECK_THROWS_WITH_AS(prune(net, options, {}), doctest::Contains("layer9"), UsageError);
  options.ratios = {{"layer1.0.conv1", 0.5}, {"layer2.0.conv1", 0.99}};
  CHECK_THROWS_WITH_AS(prune(net, options, {}), doctest::Contains("layer2.0.conv1"), ConfigError);
  CHECK_THROWS_WITH_AS(prune(net, with("sss", 0.5), {}), doctest::Contains("block scales"), ConfigError);
  CHECK_THROWS_AS(prune(net, with("taylor", 0.5), {}), DataError);
  Net mlp = make_net(cpu(), default_description("mlp"), DType::f64);
  CHECK_THROWS_WITH_AS(prune(mlp, with("slimming", 0.5), {}), doctest::Contains("batch norm"), ConfigError);
  for (const auto& axis : net.store->axes()) CHECK_FALSE(static_cast<bool>(axis->mask));
}

}  // namespace pliant::test
