// An extracted net is the part of the source that a selection runs: the same bits, without packing.
#include "nets/extract.h"

#include <doctest/doctest.h>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

// The named net with a sixteenth of its channels, so that a pass takes milliseconds, two further widths and private statistics.
NetDescription slimmable(NetDescription d, const std::vector<int>& exits) {
  const Net full = build_net(d);
  for (const auto& axis : full.store->axes()) {
    if (axis->plain() && axis->size() >= 64) d.axis_sizes[axis->name()] = axis->size() / 16;
  }
  d.exits = exits;
  const Net narrow = build_net(d);
  d.widths = {share_of_axes(narrow, 0.75), share_of_axes(narrow, 0.5)};
  d.width_ratios = {0.75, 0.5};
  d.batch_norm_sets = 3;
  return d;
}

NetDescription small(const char* name, std::int64_t side) {
  NetDescription d = default_description(name);
  d.height = d.width = side;
  return d;
}

// Every (width, exit) extracted gives the bits of that selection.
void check_all_parts(const Net& net) {
  for (int width = 0; width < net.widths(); ++width) {
    for (int exit = 0; exit < net.exits(); ++exit) {
      CAPTURE(width);
      CAPTURE(exit);
      Selection select = only_exit(net, exit);
      select.width = width;
      const Net part = extract(net, {width, exit});
      REQUIRE(part.exits() == 1);
      CHECK(part.widths() == 1);
      CHECK(part.description.batch_norm_sets == 1);
      CHECK(bit_equal(eval_pass(part)[0], eval_pass(net, select)[0]));
      CHECK(cost(part).parameters == cost(net, select).parameters);
      CHECK(cost(part).macs == cost(net, select).macs);
      CHECK(part.store->trainable_count() == cost(net, select).parameters);
      CHECK(extracted_description(part, {}) == part.description);
    }
  }
}

}  // namespace

TEST_CASE("extract: every width and exit of a residual net with survival and masks gives the bits of its selection") {
  NetDescription d = tiny_resnet();
  d.shortcut = 'B';
  const Net plain = build_net(d);
  d.widths = {share_of_axes(plain, 0.5)};
  d.batch_norm_sets = 2;
  d.survival.assign(static_cast<std::size_t>(plain.blocks), 0.75);
  d.exits = {2, 6};
  d.exit_dropout = 0.2;
  for (const DType dtype : {DType::f32, DType::f64}) {
    Net net = make_net(cpu(), d, dtype);
    ChannelAxis& stream = *net.store->find_axis("layer2");
    stream.mask = make_tensor(cpu(), {stream.size()}, dtype, {1, 0, 1, 1, 0, 1});
    Parameter& filter = *net.store->find("layer1.1.conv1.weight");
    filter.mask = Tensor::zeros_like(filter.value);
    check_all_parts(net);
    const Net part = extract(net, {1, 2});
    REQUIRE(part.store->find_axis("layer2")->mask);
    CHECK(part.store->find_axis("layer2")->mask.to_doubles() == std::vector<double>{1, 0, 1});
    CHECK(part.store->find("layer1.1.conv1.weight")->mask.shape() == part.store->find("layer1.1.conv1.weight")->shape());
  }
}

TEST_CASE("extract: nets without residual blocks and nets with one shared set give the bits of their selections") {
  check_all_parts(make_net(cpu(), slimmable(small("vgg16", 16), {1, 6}), DType::f32));
  check_all_parts(make_net(cpu(), slimmable(small("lenet5", 28), {0}), DType::f32));
  NetDescription shared = slimmable(tiny_resnet(), {4});
  shared.batch_norm_sets = 1;
  check_all_parts(make_net(cpu(), shared, DType::f32));
  shared.batch_norm_sets = 3;
  shared.shared_scale_shift = true;
  check_all_parts(make_net(cpu(), shared, DType::f32));
}

TEST_CASE("extract: earlier exits stay where they are asked for") {
  const Net net = make_net(cpu(), slimmable(tiny_resnet(), {2, 5}), DType::f32);
  Selection select;
  select.width = 1;
  const std::vector<Tensor> expected = eval_pass(net, select);
  for (int exit = 0; exit < 3; ++exit) {
    const Net part = extract(net, {1, exit, true});
    const std::vector<Tensor> logits = eval_pass(part);
    REQUIRE(logits.size() == static_cast<std::size_t>(exit) + 1);
    for (std::size_t i = 0; i < logits.size(); ++i) CHECK(bit_equal(logits[i], expected[i]));
  }
}

TEST_CASE("extract: a width or an exit that the net does not have is refused") {
  const Net net = make_net(cpu(), slimmable(tiny_resnet(), {2, 5}), DType::f32);
  CHECK_THROWS_WITH_AS(extract(net, {0, 3}), doctest::Contains("exits 0 to 2"), UsageError);
  CHECK_THROWS_WITH_AS(extract(net, {3, 0}), doctest::Contains("3 rows"), ConfigError);
}

}  // namespace pliant::test
