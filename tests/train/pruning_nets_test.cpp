// Every net that pruning papers use, pruned by every structured method at three ratios: masked equals really smaller. The nets have few
// channels and small images, but all their layers.
#include <doctest/doctest.h>

#include "nets/compact.h"
#include "tests/train/pruning_support.h"
#include "train/pruning/blocks.h"
#include "train/pruning/prune.h"
#include "train/pruning/soft_filters.h"

namespace pliant::test {

namespace {

constexpr double kRatios[] = {0.2, 0.4, 0.6};
constexpr double kLimit = 1e-10;  // double precision

Tensor probe(const NetDescription& d) { return random_tensor(cpu(), {2, d.height, d.width, d.channels}, DType::f64, 9); }

PruneOptions with(const std::string& method, double ratio) {
  PruneOptions options;
  options.method = method;
  options.ratio = ratio;
  options.floor = 1;
  return options;
}

bool has_inner_layers(const Net& net) {
  for (const ChannelGroup& group : channel_groups(net)) {
    if (group.internal() && !group.linear) return true;
  }
  return false;
}

// The shares of the first, a middle and the last layer that can be rebuilt: a deep net has too many for a quick test.
std::map<std::string, double> some_layers(const Net& net, double ratio) {
  std::vector<std::string> axes;
  for (const ChannelGroup& group : channel_groups(net)) {
    if (group.internal() && !group.linear && group.readers.size() == 1) axes.push_back(group.axis->name());
  }
  return {{axes.front(), ratio}, {axes[axes.size() / 2], ratio}, {axes.back(), ratio}};
}

void check_all_methods(const NetDescription& d) {
  CAPTURE(d.name);
  const DeviceData images = calibration_images(d, 64);
  const bool inner = has_inner_layers(build_net(d));
  for (const double ratio : kRatios) {
    CAPTURE(ratio);
    for (const char* method : {"l1", "slimming", "taylor", "thinet", "regression"}) {
      CAPTURE(method);
      PruneOptions options = with(method, ratio);
      const bool of_norms = options.method == "slimming" || options.method == "gamma";
      if (!inner && !of_norms) options.streams = options.method == "l1" || options.method == "taylor";
      if (!inner && !of_norms && !options.streams) continue;  // reconstruction needs a layer that one other layer reads
      Net net = make_net(cpu(), d, DType::f64);
      if (options.method == "thinet" || options.method == "regression") {
        options.ratios = some_layers(net, ratio);
        options.ratio.reset();
      }
      prune(net, options, images);
      const Net smaller = compact(net);
      CHECK(smaller.store->trainable_count() < net.store->trainable_count());
      CHECK(largest_difference(net, smaller, probe(d)) < kLimit);
    }
    if (inner) {
      Net soft = make_net(cpu(), d, DType::f64);
      SoftFilterPruning(soft, ratio).prune();
      CHECK(largest_difference(soft, compact(soft), probe(d)) < kLimit);
    }
  }
}

void check_blocks(NetDescription d) {
  CAPTURE(d.name);
  d.block_scales = true;
  for (const double ratio : kRatios) {
    CAPTURE(ratio);
    Net net = make_net(cpu(), d, DType::f64);
    float next = 0.2f;
    for (const BlockScale& scale : block_scales(net)) {
      scale.scale->value.copy_from(make_tensor(cpu(), {1}, DType::f64, {next}));
      next = next > 1.0f ? 0.25f : next + 0.1f;
    }
    const std::vector<int> removed = prune(net, with("sss", ratio), {}).removed_blocks;
    CHECK(static_cast<int>(removed.size()) == static_cast<int>(ratio * net.blocks + 1e-9));
    const Net smaller = compact(net), folded = fold_block_scales(net);
    CHECK(smaller.description.removed_blocks == removed);
    CHECK(largest_difference(net, smaller, probe(d)) < kLimit);
    CHECK(largest_difference(net, folded, probe(d)) < kLimit);
    CHECK_FALSE(folded.description.block_scales);
    CHECK(block_scales(folded).empty());
  }
}

}  // namespace

TEST_CASE("pruning of every net: VGG with its three heads") {
  for (const char* head : {"slimming", "l1", "bias"}) {
    NetDescription d = narrow("vgg16", 16, 6);
    d.head = head;
    check_all_methods(d);
  }
  check_all_methods(narrow("vgg19", 16, 6));
}

TEST_CASE("pruning of every net: residual nets") {
  for (const char* name : {"resnet56", "resnet110"}) check_all_methods(narrow(name, 8, 6));
  for (const char* name : {"resnet34", "resnet50"}) check_all_methods(narrow(name, 32, 6));
}

TEST_CASE("pruning of every net: pre-activation nets") {
  check_all_methods(narrow("preresnet110", 8, 6));
  check_all_methods(narrow("preresnet164", 8, 6));
  check_all_methods(narrow("preresnet50", 32, 6));
}

TEST_CASE("pruning of every net: dense nets") {
  for (const int stem : {24, 16}) {
    NetDescription d = narrow("densenet40", 8, 3);
    d.stem = stem;
    if (stem == 16) d.axis_sizes = narrow("densenet40", 8, 3).axis_sizes;
    check_all_methods(d);
  }
  check_all_methods(narrow("densenet-bc100", 8, 6));
}

TEST_CASE("pruning of every net: residual branches by their factors") {
  for (const char* name : {"resnet20", "resnet56", "preresnet20", "preresnet110"}) check_blocks(narrow(name, 8, 6));
  for (const char* name : {"resnet34", "resnet50", "preresnet50"}) check_blocks(narrow(name, 32, 6));
}

}  // namespace pliant::test
