#include "train/report/graph_svg.h"

#include <doctest/doctest.h>

#include "nets/compact.h"
#include "nets/zoo.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "tests/train/svg_texts.h"

namespace pliant::test {

namespace {

std::string svg_of(const Net& net) { return graph_svg(net, channel_groups(net)); }

// Colour of the swatch in front of a layer's name: the last rectangle of the swatch's size before it.
std::string swatch(const std::string& svg, const std::string& layer) {
  const std::size_t name = svg.find(">" + layer + "</text>");
  REQUIRE(name != std::string::npos);
  const std::size_t at = svg.rfind("width=\"10\" height=\"10\"", name);
  return attribute(svg.substr(at, 60), "fill");
}

}  // namespace

TEST_CASE("graph svg: every layer and every group of three nets is there and no text touches another") {
  for (const char* name : {"vgg16", "resnet20", "mobilenet-v1", "densenet121", "b-alexnet"}) {
    CAPTURE(name);
    const Net net = build_net(default_description(name));
    const std::vector<ChannelGroup> groups = channel_groups(net);
    const std::string svg = graph_svg(net, groups);
    std::size_t layers = 0;
    for (const LayerCost& layer : cost(net).layers) {
      if (layer.macs == 0) continue;
      ++layers;
      CHECK(svg.find(">" + layer.name + "</text>") != std::string::npos);
    }
    CHECK(count(svg, "class=\"group\"") == groups.size());
    check_svg_texts(svg, layers + groups.size());
    for (const ChannelGroup& group : groups) CHECK(svg.find(">" + group.axis->name() + ": ") != std::string::npos);
  }
}

TEST_CASE("graph svg: layers that share a stream have one colour and a mask is told") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  keep_channels(cpu(), DType::f32, *net.store->find_axis("layer1.0.conv1"), {0, 2});
  const std::string svg = svg_of(net);
  CHECK(swatch(svg, "conv1") == swatch(svg, "layer1.0.conv2"));
  CHECK(swatch(svg, "layer1.0.conv2") == swatch(svg, "layer1.2.conv2"));
  CHECK(swatch(svg, "layer1.0.conv1") != swatch(svg, "layer1.0.conv2"));
  CHECK(svg.find("layer1.0.conv1: 2 of 4 channels, internal") != std::string::npos);
  CHECK(svg.find("layer1: 4 channels, shared") != std::string::npos);
}

TEST_CASE("graph svg: names are escaped") {
  Net net = build_net(default_description("lenet5"));
  net.description.name = "a<b>&c";
  const std::string svg = svg_of(net);
  CHECK(svg.find("a&lt;b&gt;&amp;c") != std::string::npos);
  CHECK(svg.find("a<b>") == std::string::npos);
}

}  // namespace pliant::test
