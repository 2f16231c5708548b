// A masked net and the smaller one made from it compute the same, in eval mode and in training, for every net and any mask.
#include "nets/compact.h"

#include <doctest/doctest.h>

#include "nets/graph.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

constexpr double kLimit = 1e-10;  // double precision; only the order of sums differs

NetDescription narrowed(const char* name, std::int64_t side, std::int64_t divisor) {
  NetDescription d = default_description(name);
  d.height = d.width = side;
  const Net full = build_net(d);
  for (const auto& axis : full.store->axes()) {
    if (axis->plain() && axis->size() / divisor >= 4) d.axis_sizes[axis->name()] = axis->size() / divisor;
  }
  return d;
}

// Masks a share of every axis that can be masked, at random, and leaves at least one of its first channels.
void mask_at_random(Net& net, double ratio, unsigned seed) {
  for (const ChannelGroup& group : channel_groups(net)) {
    if (!group.fixed.empty()) continue;
    const std::vector<double> draws = random_values(group.axis->size(), seed++, 0.0, 1.0);
    std::vector<std::int32_t> kept{0};
    for (std::int32_t c = 1; c < group.axis->size(); ++c) {
      if (draws[static_cast<std::size_t>(c)] >= ratio) kept.push_back(c);
    }
    keep_channels(net.store->context(), net.store->dtype(), *group.axis, kept);
  }
}

void check_same(Net& masked, const Selection& select = {}) {
  Net smaller = compact(masked);
  for (const auto& axis : smaller.store->axes()) CHECK_FALSE(static_cast<bool>(axis->mask));
  const std::vector<Tensor> expected = eval_pass(masked, select), actual = eval_pass(smaller, select);
  REQUIRE(expected.size() == actual.size());
  for (std::size_t exit = 0; exit < expected.size(); ++exit) CHECK(difference(actual[exit], expected[exit]).relative < kLimit);
  const StepOutcome wide = train_pass(masked, select), narrow = train_pass(smaller, select);
  CHECK(difference(narrow.logits.back(), wide.logits.back()).relative < kLimit);
  CHECK(difference(narrow.gradients, compact_arena(masked, smaller, wide.gradients)).relative < 1e-8);
  CHECK(compacted_description(smaller) == smaller.description);
}

void check_at_three_ratios(const NetDescription& d) {
  CAPTURE(d.name);
  for (const double ratio : {0.1, 0.4, 0.8}) {
    CAPTURE(ratio);
    Net net = make_net(cpu(), d, DType::f64);
    mask_at_random(net, ratio, static_cast<unsigned>(100.0 * ratio));
    check_same(net);
  }
}

}  // namespace

TEST_CASE("compact: chains and nets with flattened maps") {
  check_at_three_ratios(narrowed("lenet5", 28, 1));
  check_at_three_ratios(narrowed("mlp", 28, 8));
  check_at_three_ratios(narrowed("vgg16", 16, 16));
}

TEST_CASE("compact: residual nets with streams of which channels are gone") {
  check_at_three_ratios(tiny_resnet());
  NetDescription b = tiny_resnet();
  b.shortcut = 'B';
  check_at_three_ratios(b);
  check_at_three_ratios(narrowed("resnet50", 32, 16));
}

TEST_CASE("compact: depthwise and dense nets") {
  check_at_three_ratios(narrowed("mobilenet-v1", 16, 16));
  check_at_three_ratios(narrowed("densenet121", 32, 8));
}

TEST_CASE("compact: branches of a BranchyNet and its shortcuts with zeros first") { check_at_three_ratios(narrowed("b-resnet110", 23, 4)); }

TEST_CASE("compact: a slimmable net with exits keeps its widths") {
  NetDescription d = tiny_resnet();
  d.exits = {2, 5};
  const Net narrow = build_net(d);
  d.widths = {share_of_axes(narrow, 0.75), share_of_axes(narrow, 0.5)};
  d.width_ratios = {0.75, 0.5};
  d.batch_norm_sets = 3;
  Net net = make_net(cpu(), d, DType::f64);
  mask_at_random(net, 0.4, 7);
  check_same(net);
  check_same(net, {.width = 1});
  check_same(net, {.width = 2});
  Net twice = compact(net);  // what is left can be pruned again
  mask_at_random(twice, 0.4, 11);
  check_same(twice, {.width = 2});
}

TEST_CASE("compact: a net without masks comes out bit for bit") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  const Net same = compact(net);
  CHECK(same.description == net.description);
  CHECK(bit_equal(same.store->values(), net.store->values()));
  CHECK(bit_equal(eval_pass(same)[0], eval_pass(net)[0]));
}

TEST_CASE("compact: masks of parameters are packed with their values") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  Parameter& filter = *net.store->find("layer1.0.conv1.weight");
  std::vector<double> mask(static_cast<std::size_t>(filter.shape().size()), 1.0);
  for (std::size_t i = 0; i < mask.size(); i += 3) mask[i] = 0.0;
  filter.mask = make_tensor(cpu(), filter.shape(), DType::f64, mask);
  mask_at_random(net, 0.4, 3);
  const Net smaller = compact(net);
  const Parameter& packed = *smaller.store->find("layer1.0.conv1.weight");
  REQUIRE(static_cast<bool>(packed.mask));
  CHECK(packed.mask.shape() == packed.shape());
  double ones = 0.0;
  for (const double value : packed.mask.to_doubles()) ones += value;
  CHECK(ones > 0.5 * static_cast<double>(packed.shape().size()));
  CHECK(ones < 0.8 * static_cast<double>(packed.shape().size()));
}

TEST_CASE("compact: an empty axis is refused by name and so is a width of which nothing is left") {
  NetDescription d = tiny_resnet();
  Net net = make_net(cpu(), d, DType::f64);
  ChannelAxis& axis = *net.store->find_axis("layer1.0.conv1");
  axis.mask = Tensor::zeros(cpu(), {axis.size()}, DType::f64);
  CHECK_THROWS_WITH_AS(compact(net), doctest::Contains("layer1.0.conv1"), ConfigError);
  d.widths = {share_of_axes(build_net(d), 0.5)};
  Net slimmable = make_net(cpu(), d, DType::f64);
  ChannelAxis& narrow = *slimmable.store->find_axis("layer1.0.conv1");
  keep_channels(cpu(), DType::f64, narrow, {static_cast<std::int32_t>(narrow.size()) - 1});
  CHECK_THROWS_WITH_AS(compact(slimmable), doctest::Contains("row 1 of the width table"), ConfigError);
}

TEST_CASE("compact: descriptions that do not fit are refused") {
  NetDescription d = default_description("resnet20");
  d.kept["layer1.0.conv1"] = {0, 0};
  CHECK_THROWS_AS(build_net(d), ConfigError);
  d.kept["layer1.0.conv1"] = {0, 16};
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("layer1.0.conv1"), ConfigError);
  d.kept = {{"nothing", {0}}};
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("has no axis nothing"), ConfigError);
  d.kept = {{"layer1.0.conv1", {1, 5}}};
  CHECK(build_net(d).store->find_axis("layer1.0.conv1")->origins() == std::vector<std::int32_t>{1, 5});
  CHECK(description_from_json(to_json(d)) == d);
  d.axis_sizes["layer1.0.conv1"] = 5;  // of which channel 5 is none
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("layer1.0.conv1"), ConfigError);
  d.axis_sizes.clear();
  d.removed_blocks = {9};
  CHECK_THROWS_WITH_AS(build_net(d), doctest::Contains("removed blocks"), ConfigError);
}

TEST_CASE("compact: a net with removed blocks is its shortcuts there and keeps the numbers of the others") {
  NetDescription d = tiny_resnet();
  std::erase_if(d.axis_sizes, [](const auto& entry) { return entry.first == "layer1.1.conv1" || entry.first == "layer2.0.conv1"; });
  d.removed_blocks = {1, 3};
  Net net = make_net(cpu(), d, DType::f64);
  CHECK(net.blocks == 9);
  CHECK(net.store->find("layer1.1.conv1.weight") == nullptr);
  NetDescription whole = d;
  whole.removed_blocks.clear();
  Net complete = make_net(cpu(), whole, DType::f64);
  for (Parameter& target : complete.store->parameters()) {
    if (const Parameter* source = net.store->find(target.name)) target.value.copy_from(source->value);
  }
  CHECK(bit_equal(eval_pass(net)[0], eval_pass(complete, {.dropped = {1, 3}})[0]));
  CHECK(cost(net).macs == cost(complete, {.dropped = {1, 3}}).macs);
}

}  // namespace pliant::test
