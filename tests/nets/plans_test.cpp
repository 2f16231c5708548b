// Every published architecture against its published counts, and the plans as widths.
#include "nets/plans.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nets/zoo.h"

namespace pliant::test {

namespace {

struct Published {
  const char* name;
  std::int64_t parameters;
  double macs, digit;  // the published figure and the size of its last digit; 0: exact
};

double cut(std::int64_t whole, std::int64_t left) { return 100.0 * (1.0 - static_cast<double>(left) / static_cast<double>(whole)); }

std::vector<std::int64_t> first_widths(const char* name, int group) {
  std::vector<std::int64_t> widths;
  const Net net = build_net(published_architecture(name));
  for (const auto& axis : net.store->axes()) {
    if (axis->name().starts_with(cat("layer", group, ".")) && axis->name().ends_with(".conv1")) widths.push_back(axis->size());
  }
  return widths;
}

using Widths = std::vector<std::int64_t>;

}  // namespace

TEST_CASE("plans: every published architecture has its parameters and MACs") {
  const Published all[] = {{"vgg16-a", 5397034, 206279680, 0},           {"vgg16-slimming-average", 2472429, 181085138, 0},
                           {"resnet56-a", 773336, 112435840, 0},         {"resnet56-b", 735712, 90907264, 0},
                           {"resnet110-a", 1688522, 212779648, 0},       {"resnet110-b", 1168424, 155124352, 0},
                           {"resnet34-a", 20151764, 3.100e9, 1e6},       {"resnet34-b", 19469372, 2.782e9, 1e6},
                           {"resnet50-thinet-30", 8669158, 1.166e9, 1e6}, {"resnet50-thinet-50", 12385704, 1.822e9, 1e6},
                           {"resnet50-thinet-70", 16949086, 2.601e9, 1e6}, {"resnet50-2x", 19697424, 2730129076, 0},
                           {"resnet-sss-41", 25351080, 3.473e9, 1e6},    {"resnet-sss-32", 14261928, 2.818e9, 1e6},
                           {"resnet-sss-26", 14915496, 2.278e9, 1e6},    {"vgg16-thinet-conv", 131452552, 4.791e9, 1e6},
                           {"vgg16-thinet-gap", 8322696, 4.668e9, 1e6},  {"vgg16-thinet-tiny", 1325368, 1.005e9, 1e6},
                           {"vgg16-5x", 130879294, 3515283520, 0}};
  CHECK(std::size(all) == published_architectures().size());
  for (const Published& published : all) {
    CAPTURE(published.name);
    CHECK(is_published_architecture(published.name));
    const NetDescription d = published_architecture(published.name);
    const Net net = build_net(d);
    CHECK(net.store->trainable_count() == published.parameters);
    CHECK(cost(net).parameters == published.parameters);
    CHECK(std::abs(static_cast<double>(cost(net).macs) - published.macs) <= published.digit / 2.0);
    CHECK(description_from_json(to_json(d)) == d);
  }
}

TEST_CASE("plans: the ratios of the paper leave the published widths") {
  CHECK(first_widths("resnet56-a", 1) == Widths{14, 14, 14, 14, 14, 14, 14, 16, 14});
  CHECK(first_widths("resnet56-a", 2) == Widths{32, 28, 28, 28, 28, 28, 28, 28, 28});
  CHECK(first_widths("resnet56-b", 1) == Widths{6, 6, 6, 6, 6, 6, 6, 16, 16});
  CHECK(first_widths("resnet56-b", 2) == Widths{32, 22, 22, 22, 22, 22, 22, 32, 22});
  CHECK(first_widths("resnet56-b", 3) == Widths{64, 57, 57, 57, 57, 57, 57, 57, 64});
  CHECK(first_widths("resnet34-b", 1) == Widths{64, 32, 32});
  CHECK(first_widths("resnet34-b", 3) == Widths{256, 153, 153, 153, 153, 256});
  CHECK(first_widths("resnet34-a", 4) == Widths{512, 512, 512});
  const auto ratios = published_ratios("resnet110-b");
  CHECK(ratios.size() == 51);
  CHECK(ratios.at("layer1.16.conv1") == 0.5);
  CHECK_FALSE(ratios.contains("layer1.17.conv1"));
  CHECK_FALSE(ratios.contains("layer2.0.conv1"));
  CHECK(ratios.at("layer3.17.conv1") == 0.3);
  CHECK(published_ratios("vgg16-a").size() == 7);
}

TEST_CASE("plans: the shares that the paper gives as removed") {
  struct Cut {
    const char* name;
    double macs, parameters;
  };
  for (const Cut& expected : {Cut{"vgg16-a", 34.2, 64.0}, Cut{"resnet56-a", 10.4, 9.4}, Cut{"resnet56-b", 27.6, 13.7}, Cut{"resnet110-a", 15.9, 2.3},
                              Cut{"resnet110-b", 38.6, 32.4}, Cut{"resnet34-a", 15.5, 7.6}, Cut{"resnet34-b", 24.2, 10.8}}) {
    CAPTURE(expected.name);
    NetDescription d = published_architecture(expected.name);
    const NetCost pruned = cost(build_net(d));
    d.axis_sizes.clear();
    const NetCost whole = cost(build_net(d));
    CHECK(std::abs(cut(whole.macs, pruned.macs) - expected.macs) <= 0.2);
    CHECK(std::abs(cut(whole.parameters, pruned.parameters) - expected.parameters) <= 0.2);
  }
}

TEST_CASE("plans: a removed first unit leaves its projection and numbers stay") {
  const NetDescription d = published_architecture("resnet-sss-32");
  CHECK(d.removed_blocks == std::vector<int>{0, 2, 11, 12, 14, 15});
  Net net = build_net(d);
  CHECK(net.blocks == 16);
  CHECK(net.store->find("layer1.0.downsample.0.weight"));
  CHECK(net.store->find("layer1.0.bn1.weight"));
  CHECK_FALSE(net.store->find("layer1.0.conv1.weight"));
  CHECK_FALSE(net.store->find("layer1.2.bn1.weight"));
}

TEST_CASE("plans: unknown names are refused and the known ones listed") {
  CHECK_THROWS_WITH_AS(published_architecture("vgg16-b"), doctest::Contains("vgg16-thinet-conv"), UsageError);
  CHECK_THROWS_WITH_AS(published_ratios("resnet50-2x"), doctest::Contains("resnet34-b"), UsageError);
  CHECK_FALSE(is_published_architecture("vgg16"));
}

}  // namespace pliant::test
