// Counts of ResNet-50, MobileNet v1 and the DenseNets at every width, and the depth table of the paper on Elastic networks.
#include <doctest/doctest.h>

#include <cmath>
#include <utility>

#include "nets/exits.h"
#include "nets/widths.h"
#include "nets/zoo.h"

namespace pliant::test {

namespace {

NetDescription described(const std::string& name, int classes, std::int64_t size) {
  NetDescription d = default_description(name);
  d.classes = classes;
  d.height = d.width = size;
  return d;
}

std::int64_t batch_norm_scalars(const Net& net) {
  std::int64_t sum = 0;
  for (const Parameter& p : net.store->parameters()) sum += p.role == Role::scale || p.role == Role::shift ? p.shape().size() : 0;
  return sum;
}

// The net of one width alone: every axis as large as that width uses.
NetDescription alone(const NetDescription& slimmable, int width) {
  NetDescription d = slimmable;
  d.widths.clear();
  d.width_ratios.clear();
  d.batch_norm_sets = 1;
  const Net net = build_net(slimmable);
  for (const auto& axis : std::as_const(*net.store).axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = axis->active(width);
  }
  return d;
}

struct Count {
  const char* name;
  int classes;
  std::int64_t size, parameters, macs;
};

struct WidthCount {
  double ratio;
  std::int64_t parameters;
  double macs, digit;  // the published figure and the size of its last digit
};

void check_widths(const std::string& name, std::int64_t all_switches, const std::vector<WidthCount>& counts) {
  NetDescription d = described(name, 1000, 224);
  add_widths(d, {0.25, 0.5, 0.75, 1.0}, usual_rounding(name), WidthStatistics::switchable);
  const Net net = build_net(d);
  CHECK(net.store->trainable_count() == all_switches);
  for (const WidthCount& count : counts) {
    CAPTURE(count.ratio);
    Selection select;
    select.width = width_index(d, count.ratio);
    const NetCost in_place = cost(net, select);
    CHECK(in_place.parameters == count.parameters);
    CHECK(std::abs(static_cast<double>(in_place.macs) - count.macs) <= count.digit / 2.0);
    const Net narrow = build_net(alone(d, select.width));
    CHECK(cost(narrow).parameters == count.parameters);
    CHECK(cost(narrow).macs == in_place.macs);
    CHECK(narrow.store->trainable_count() == count.parameters);
  }
}

}  // namespace

TEST_CASE("nets: ResNet-50 and MobileNet and the DenseNets have the published counts") {
  const Count counts[] = {{"resnet50", 1000, 224, 25557032, 4089184256}, {"resnet50", 100, 224, 23712932, 0},
                          {"resnet50", 10, 224, 23528522, 0},            {"mobilenet-v1", 1000, 224, 4231976, 568740352},
                          {"mobilenet-v1", 100, 224, 3309476, 0},        {"mobilenet-v1", 10, 32, 3217226, 46354432},
                          {"densenet121", 1000, 224, 7978856, 0},        {"densenet121", 100, 224, 7056356, 0},
                          {"densenet121", 10, 224, 6964106, 0},          {"densenet169", 1000, 224, 14149480, 0},
                          {"densenet169", 100, 224, 12650980, 0},        {"densenet169", 10, 224, 12501130, 0}};
  for (const Count& count : counts) {
    CAPTURE(count.name);
    CAPTURE(count.classes);
    const Net net = build_net(described(count.name, count.classes, count.size));
    CHECK(cost(net).parameters == count.parameters);
    if (count.macs > 0) CHECK(cost(net).macs == count.macs);
    CHECK(net.store->trainable_count() == count.parameters);
  }
  // Published with four digits.
  CHECK(static_cast<double>(cost(build_net(described("densenet121", 1000, 224))).macs) == doctest::Approx(2.834e9).epsilon(2e-4));
  CHECK(static_cast<double>(cost(build_net(described("densenet169", 1000, 224))).macs) == doctest::Approx(3.360e9).epsilon(2e-4));
}

TEST_CASE("nets: defaults are 224 pixels for ResNet-50 and the DenseNets and 32 for MobileNet") {
  CHECK(default_description("resnet50").height == 224);
  CHECK(default_description("densenet121").width == 224);
  CHECK(default_description("densenet169").height == 224);
  CHECK(default_description("mobilenet-v1").height == 32);
  CHECK(build_net(described("mobilenet-v1", 10, 63)).store->trainable_count() == 3217226);
  CHECK(cost(build_net(described("mobilenet-v1", 10, 64))).macs == 4 * (11596288 - 10240) + 10240);  // stride 2 from 64 pixels on
}

TEST_CASE("widths: MobileNet has the published counts at every width and with four switches") {
  check_widths("mobilenet-v1", 4264808,
               {{1.0, 4231976, 568740352, 0}, {0.75, 2585560, 325400448, 0}, {0.5, 1331592, 149497088, 0}, {0.25, 470072, 41030272, 0}});
}

TEST_CASE("widths: ResNet-50 has the published counts at every width and with four switches") {
  check_widths("resnet50", 25636712,
               {{1.0, 25557032, 4089184256, 0}, {0.75, 14771992, 2.323e9, 1e6}, {0.5, 6917640, 1.052e9, 1e6}, {0.25, 1993976, 278.1e6, 1e5}});
  const Net net = build_net(described("resnet50", 1000, 224));
  CHECK(batch_norm_scalars(net) == 53120);
  CHECK(net.store->trainable_count() - batch_norm_scalars(net) == 25503912);
}

TEST_CASE("widths: MobileNet has 21888 batch-norm scalars and three quarters and half and a quarter of them when narrower") {
  NetDescription d = described("mobilenet-v1", 1000, 224);
  CHECK(batch_norm_scalars(build_net(d)) == 21888);
  add_widths(d, {0.75, 0.5, 0.25}, usual_rounding(d.name), WidthStatistics::switchable);
  CHECK(batch_norm_scalars(build_net(d)) == 21888 + 16416 + 10944 + 5472);
  d.shared_scale_shift = true;
  CHECK(batch_norm_scalars(build_net(d)) == 21888);
}

TEST_CASE("elastic: the depth table of DenseNet-169 in the counting of Keras") {
  NetDescription d = described("densenet169", 100, 224);
  d.flatten_head = true;
  CHECK(cost(build_net(d), {}, Counting::keras).parameters == 20796580);
  d.exits = exit_stages(d, "elastic");
  const Net net = build_net(d);
  CHECK(cost(net, {}, Counting::keras).parameters == 20899280);  // the whole net with its three further heads
  const std::vector<ExitDepth> table = depth_table(net, {}, Counting::keras);
  REQUIRE(table.size() == 4);
  const int convolutions[] = {14, 39, 104, 168};
  const std::int64_t parameters[] = {394660, 1470628, 6705828, 20796580};
  for (std::size_t i = 0; i < 4; ++i) {
    CAPTURE(i);
    CHECK(table[i].convolutions == convolutions[i]);
    CHECK(table[i].parameters == parameters[i]);
    CHECK((i == 0 || table[i].macs > table[i - 1].macs));
    // A row is what the net cut there has, but for the heads before it.
    NetDescription cut = cut_at_exit(d, static_cast<int>(i));
    cut.exits = cut.last_stage >= 0 ? std::vector<int>{cut.last_stage} : std::vector<int>{};
    CHECK(cost(build_net(cut), {}, Counting::keras).parameters == parameters[i]);
  }
  CHECK(20899280 - 20796580 == 100 * (128 + 1) + 100 * (256 + 1) + 100 * (640 + 1));
}

TEST_CASE("elastic: DenseNet-121 with a flattened head in the counting of Keras") {
  NetDescription d = described("densenet121", 100, 224);
  d.flatten_head = true;
  const Net net = build_net(d);
  CHECK(cost(net, {}, Counting::keras).parameters == 12055204);
  CHECK(depth_table(net, {}, Counting::keras).back().convolutions == 120);
  d.flatten_head = false;
  CHECK(cost(build_net(d), {}, Counting::keras).parameters == 7037504 + 100 * 1025);
}

TEST_CASE("elastic: convolutions are counted on the longest path") {
  for (const auto& [name, convolutions] : {std::pair{"resnet20", 19}, std::pair{"resnet152", 151}, std::pair{"resnet50", 49},
                                           std::pair{"vgg16", 13}, std::pair{"mobilenet-v1", 27}, std::pair{"b-alexnet", 5}}) {
    CAPTURE(name);
    CHECK(depth_table(build_net(default_description(name))).back().convolutions == convolutions);
  }
  NetDescription d = default_description("resnet20");
  d.shortcut = 'B';
  CHECK(depth_table(build_net(d)).back().convolutions == 19);
}

}  // namespace pliant::test
