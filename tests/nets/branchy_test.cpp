// B-LeNet, B-AlexNet and B-ResNet-110: counts of trunk, branches and paths, places of the branches, and both descriptions of them.
#include <doctest/doctest.h>

#include "nets/exits.h"
#include "nets/zoo.h"

namespace pliant::test {

namespace {

NetDescription trunk(const std::string& name) {
  NetDescription d = default_description(name);
  d.exits.clear();
  return d;
}

// Parameters and MACs of an exit's own head.
NetCost head_cost(const Net& net, int exit) {
  const NetCost all = cost(net);
  NetCost head;
  for (const LayerCost& row : all.layers) {
    if (!row.name.starts_with(cat("exit", exit, "."))) continue;
    head.parameters += row.parameters;
    head.macs += row.macs;
  }
  return head;
}

// MACs of everything up to an exit, heads before it included.
std::int64_t macs_to(const Net& net, int exit) {
  Selection select;
  for (int later = exit + 1; later < net.exits(); ++later) select.skipped_exits.insert(later);
  return cost(net, select).macs;
}

const LayerCost& row(const NetCost& total, const std::string& name) {
  for (const LayerCost& layer : total.layers) {
    if (layer.name == name) return layer;
  }
  FAIL("no layer " << name);
  return total.layers.front();
}

}  // namespace

TEST_CASE("branchynet: B-LeNet has the counts and sizes of the released code") {
  const Net net = build_net(default_description("b-lenet")), plain = build_net(trunk("b-lenet"));
  CHECK(net.description.exits == std::vector<int>{0});
  CHECK(cost(plain).parameters == 67824);
  CHECK(cost(plain).macs == 1140070);
  CHECK(head_cost(net, 0).parameters == 6870);
  CHECK(head_cost(net, 0).macs == 107650);
  CHECK(cost(net).parameters == 74694);
  CHECK(net.store->trainable_count() == 74694);
  CHECK(macs_to(net, 0) == 220150);
  CHECK(1140070.0 / 220150.0 == doctest::Approx(5.18).epsilon(1e-3));
  const NetCost total = cost(net);
  for (const auto& [name, size] : {std::pair{"conv1", 30}, std::pair{"pool1", 15}, std::pair{"conv2", 17}, std::pair{"pool2", 9},
                                   std::pair{"conv3", 11}, std::pair{"pool3", 6}, std::pair{"exit0.pool2", 8}}) {
    CAPTURE(name);
    CHECK(row(total, name).output[1] == size);
    CHECK(row(total, name).output[2] == size);
  }
}

TEST_CASE("branchynet: B-AlexNet has the counts of the released code") {
  const Net net = build_net(default_description("b-alexnet")), plain = build_net(trunk("b-alexnet"));
  CHECK(net.description.exits == std::vector<int>{1, 2});
  CHECK(cost(plain).parameters == 544074);
  CHECK(cost(plain).macs == 28247296);
  CHECK(head_cost(net, 0).parameters == 32842);
  CHECK(head_cost(net, 0).macs == 1774592);
  CHECK(head_cost(net, 1).parameters == 28970);
  CHECK(head_cost(net, 1).macs == 443648);
  CHECK(macs_to(net, 0) == 17339392);
  CHECK(macs_to(net, 1) == 21321984);
  CHECK(net.store->trainable_count() == 605886);
  CHECK(row(cost(net), "pool5").output == Shape{1, 4, 4, 64});
}

TEST_CASE("branchynet: B-ResNet-110 has the counts of the released code") {
  const Net net = build_net(default_description("b-resnet110")), plain = build_net(trunk("b-resnet110"));
  CHECK(net.description.exits == std::vector<int>{0, 18});
  CHECK(net.blocks == 54);
  CHECK(net.store->trainable_count() == 2227230);
  CHECK(cost(plain).parameters == 1737130);
  CHECK(cost(plain).macs == 232411968);
  CHECK(head_cost(net, 0).parameters == 341386);
  CHECK(head_cost(net, 0).macs == 48211200);
  CHECK(head_cost(net, 1).parameters == 148714);
  CHECK(head_cost(net, 1).macs == 4291200);
  CHECK(static_cast<double>(macs_to(net, 0)) == doctest::Approx(48.6e6).epsilon(1e-3));
  CHECK(static_cast<double>(macs_to(net, 1)) == doctest::Approx(127.5e6).epsilon(1e-3));
  CHECK(static_cast<double>(macs_to(net, 2)) == doctest::Approx(284.9e6).epsilon(1e-3));
  const NetCost total = cost(net);
  CHECK(row(total, "conv1").output == Shape{1, 30, 30, 16});
  CHECK(row(total, "layer2.0").output == Shape{1, 15, 15, 32});
  CHECK(row(total, "layer3.17").output == Shape{1, 8, 8, 64});
  CHECK(row(total, "pool").output == Shape{1, 3, 3, 64});
}

TEST_CASE("branchynet: the branches of the paper stand one convolution earlier in AlexNet and one block later in ResNet") {
  NetDescription d = default_description("b-alexnet");
  d.branches = "paper";
  CHECK(exit_stages(d, "own") == std::vector<int>{0, 1});
  CHECK(exit_stages(d, "elastic") == std::vector<int>{0, 1});
  d.exits = exit_stages(d, "own");
  const Net alexnet = build_net(d);
  // Branch 1: 2 convolutions of 32 channels and 2048 inputs to the classes; branch 2: one convolution and 512 inputs.
  CHECK(head_cost(alexnet, 0).parameters == 2 * (32 * 32 * 9 + 32) + 8 * 8 * 32 * 10 + 10);
  CHECK(head_cost(alexnet, 1).parameters == 64 * 32 * 9 + 32 + 4 * 4 * 32 * 10 + 10);
  const std::vector<ExitDepth> table = depth_table(alexnet);
  CHECK(table[0].convolutions == 1 + 2);
  CHECK(table[1].convolutions == 2 + 1);

  d = default_description("b-resnet110");
  d.branches = "paper";
  CHECK(exit_stages(d, "own") == std::vector<int>{1, 18});
  d.exits = exit_stages(d, "own");
  const std::vector<ExitDepth> resnet = depth_table(build_net(d));
  CHECK(resnet[0].convolutions == 3 + 3);
  CHECK(resnet[1].convolutions == 37 + 2);
  CHECK(resnet[2].convolutions == 109);

  d = default_description("b-lenet");
  d.branches = "paper";
  CHECK(exit_stages(d, "own") == std::vector<int>{0});
  d = default_description("resnet20");
  CHECK(exit_stages(d, "own").empty());
  d.branches = "paper";
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("has no side branches"), ConfigError);
}

TEST_CASE("branchynet: exits at other stages have pooled heads and the branches keep their places") {
  NetDescription d = default_description("b-alexnet");
  d.exits = exit_stages(d, "all");
  REQUIRE(d.exits == std::vector<int>{0, 1, 2, 3});
  const Net net = build_net(d);
  CHECK(head_cost(net, 0).parameters == 32 * 10 + 10);
  CHECK(head_cost(net, 1).parameters == 32842);
  CHECK(head_cost(net, 2).parameters == 28970);
  CHECK(head_cost(net, 3).parameters == 96 * 10 + 10);
}

TEST_CASE("branchynet: images and heads that do not fit are refused") {
  NetDescription d = default_description("b-resnet110");
  d.height = 22;
  CHECK_THROWS_AS(build_net(d), ConfigError);
  d = default_description("b-resnet110");
  d.shortcut = 'B';
  CHECK_THROWS_AS(build_net(d), ConfigError);
  d = default_description("b-lenet");
  d.flatten_head = true;
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("no pooled classifier"), ConfigError);
}

}  // namespace pliant::test
