#include "nets/graph.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "nets/zoo.h"

namespace pliant::test {

namespace {

std::vector<std::string> layers(const std::vector<ChannelReader>& readers) {
  std::vector<std::string> names;
  for (const ChannelReader& reader : readers) names.push_back(reader.layer);
  return names;
}

}  // namespace

TEST_CASE("graph: a chain couples each convolution with its norm and the next layer") {
  const Net net = build_net(default_description("vgg16"));
  const std::vector<ChannelGroup> groups = channel_groups(net);
  REQUIRE(groups.size() == 13);
  for (const ChannelGroup& group : groups) {
    CHECK(group.internal());
    CHECK(group.writers.size() == 1);
    CHECK(group.readers.size() == 1);
    CHECK(group.scales.size() == 1);
    CHECK(group.writers[0].scale == group.scales[0]);
  }
  CHECK(layers(groups[0].readers) == std::vector<std::string>{"features.3"});
  CHECK(layers(groups[12].readers) == std::vector<std::string>{"classifier"});
  // A channel of the first layer costs 27 x 1024 products there and 9 x 64 x 1024 in the next one (Li et al., 2017, section 3.1).
  CHECK(groups[0].macs_per_channel_written() == 27.0 * 1024.0);
  CHECK(groups[0].macs_per_channel_read() == 9.0 * 64.0 * 1024.0);
}

TEST_CASE("graph: in a residual net the stream is shared and the inner convolution is not") {
  const Net net = build_net(default_description("resnet20"));
  const std::vector<ChannelGroup> groups = channel_groups(net);
  const ChannelGroup& stream = group_of(groups, "layer1");
  CHECK(stream.shared);
  CHECK(stream.writers.size() == 4);  // the stem and the second convolution of three blocks
  const ChannelGroup& inner = group_of(groups, "layer2.0.conv1");
  CHECK(inner.internal());
  CHECK(inner.writers[0].scale->name == "layer2.0.bn1.weight");
  CHECK(layers(inner.readers) == std::vector<std::string>{"layer2.0.conv2"});
  CHECK(group_of(groups, "layer2.0.conv2").axis->name() == "layer2");
  CHECK_THROWS_WITH_AS(group_of(groups, "layer9"), doctest::Contains("layer1.0.conv1"), UsageError);
}

TEST_CASE("graph: a depthwise convolution keeps the axis of the pointwise one in front of it") {
  const Net net = build_net(default_description("mobilenet-v1"));
  const std::vector<ChannelGroup> groups = channel_groups(net);
  const ChannelGroup& group = group_of(groups, "blocks.0");
  CHECK(group.internal());
  CHECK(group.depthwise == std::vector<std::string>{"blocks.1.depthwise"});
  CHECK(layers(group.readers) == std::vector<std::string>{"blocks.1.pointwise"});
  CHECK(group.scales.size() == 2);
}

TEST_CASE("graph: parts of a concatenation are shared and local response norms forbid removal") {
  const Net dense = build_net(default_description("densenet121"));
  const std::vector<ChannelGroup> of_dense = channel_groups(dense);
  CHECK(group_of(of_dense, "features.denseblock1.denselayer1.conv2").shared);
  CHECK(group_of(of_dense, "features.denseblock1.denselayer1.conv1").internal());
  CHECK(group_of(of_dense, "features.denseblock1.denselayer1.conv2").readers.size() == 6);  // five layers and the transition
  const Net branchy = build_net(default_description("b-alexnet"));
  const std::vector<ChannelGroup> of_branchy = channel_groups(branchy);
  CHECK(std::any_of(of_branchy.begin(), of_branchy.end(), [](const ChannelGroup& group) { return !group.fixed.empty(); }));
  CHECK(std::any_of(of_branchy.begin(), of_branchy.end(), [](const ChannelGroup& group) { return group.fixed.empty(); }));
}

}  // namespace pliant::test
