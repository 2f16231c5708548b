#include "train/pruning/pattern.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "nets/compact.h"
#include "nets/zoo.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "train/pruning/guided.h"

namespace pliant::test {

namespace {

Net tiny(unsigned seed = 1) { return make_net(cpu(), tiny_resnet(), DType::f32, seed); }

void keep(Net& net, const std::string& axis, const std::vector<std::int32_t>& channels) {
  keep_channels(cpu(), DType::f32, *net.store->find_axis(axis), channels);
}

const KeptRow& row_of(const std::vector<KeptRow>& rows, const std::string& name) {
  for (const KeptRow& row : rows) {
    if (row.name == name) return row;
  }
  FAIL("no row ", name);
  return rows.front();
}

void set_mask(Net& net, const std::string& name, const std::vector<float>& mask) {
  Parameter& parameter = *net.store->find(name);
  parameter.mask = Tensor::from_host(cpu(), parameter.shape(), mask);
}

}  // namespace

TEST_CASE("pruning pattern: layers with maps of one size make a stage") {
  const Net net = tiny();
  const Stages stages = stages_of(net);
  CHECK(stages.maps == std::vector<std::string>{"8x8", "4x4", "2x2"});
  CHECK(stage_names(stages)[1] == "stage 2 (4x4)");
  CHECK(stages.of_layer.at("conv1") == 0);
  CHECK(stages.of_layer.at("layer1.2.conv2") == 0);
  CHECK(stages.of_layer.at("layer2.0.conv1") == 1);
  CHECK(stages.of_layer.at("layer3.2.conv2") == 2);
  CHECK_FALSE(stages.of_layer.contains("fc"));
  CHECK(stages.of_axis.at("layer3.1.conv1") == 2);
  const Net vgg = build_net(default_description("vgg16"));
  CHECK(stages_of(vgg).maps == std::vector<std::string>{"32x32", "16x16", "8x8", "4x4", "2x2"});
  CHECK(stages_of(vgg).of_layer.at("features.40") == 4);
  CHECK(stages_of(build_net(default_description("mlp"))).maps == std::vector<std::string>{"1x1"});
}

TEST_CASE("pruning pattern: kept channels of masked and of smaller nets are the same with means over nets by hand") {
  Net one = tiny(1), other = tiny(2);
  keep(one, "layer1.0.conv1", {0, 2});
  keep(one, "layer1.1.conv1", {1, 2, 3});
  keep(other, "layer1.0.conv1", {3});
  const Net small = compact(one);
  for (const Net* net : {static_cast<const Net*>(&one), &small}) {
    const std::vector<KeptAxis> axes = kept_axes(*net);
    REQUIRE(axes.size() == 18);  // of each block: its first convolution, and what that reads of the stream
    const auto first = std::find_if(axes.begin(), axes.end(), [](const KeptAxis& axis) { return axis.axis == "layer1.0.conv1"; });
    REQUIRE(first != axes.end());
    CHECK(first->kept == 2);
    CHECK(first->channels == 4);
    CHECK(std::count_if(axes.begin(), axes.end(), [](const KeptAxis& axis) { return axis.selection; }) == 9);
  }
  const std::vector<const Net*> nets = {&small, &other};
  const std::vector<KeptRow> rows = kept_rows(nets);
  REQUIRE(rows.size() == 12);
  const KeptRow& first = row_of(rows, "layer1.0.conv1");
  CHECK(first.kept.mean == doctest::Approx(1.5));
  CHECK(first.kept.deviation.value() == doctest::Approx(std::sqrt(0.5)));
  const KeptRow& stage = row_of(rows, "stage 1 (8x8)");
  CHECK(stage.stage);
  CHECK(stage.channels == 12);
  CHECK(stage.kept.mean == doctest::Approx((9 + 9) / 2.0));  // 2 + 3 + 4 and 1 + 4 + 4
  CHECK(stage.share.mean == doctest::Approx(9 / 12.0));
  CHECK(kept_table(rows).rows().size() == 12);
  CHECK(kept_chart("kept", rows, false).x().places.size() == 9);
  CHECK(kept_chart("kept", rows, true).x().places.size() == 3);
  CHECK_THROWS_AS(kept_rows({}), ConfigError);
  keep(other, "layer2.1.select", {1, 4, 5});
  const std::vector<KeptRow> selected = kept_rows(nets);
  CHECK(selected.size() == 13);
  CHECK(row_of(selected, "layer2.1.select").kept.mean == doctest::Approx((6 + 3) / 2.0));
}

TEST_CASE("pruning pattern: the share of kept weights at each position by hand") {
  Net net = tiny();
  // Stage 2 has six filters of six channels or four; mask all but the centre of one, the corners of another.
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter) continue;
    const auto inputs = static_cast<std::size_t>(parameter.shape()[3]);
    std::vector<float> mask(static_cast<std::size_t>(parameter.shape().size()), 1.0f);
    for (std::size_t i = 0; i < mask.size(); ++i) {
      const std::size_t tap = i / inputs % 9;
      if (parameter.name == "layer2.1.conv1.weight" && tap != 4) mask[i] = 0.0f;
      if (parameter.name == "layer3.0.conv1.weight") mask[i] = tap == 0 ? 0.0f : 1.0f;
    }
    set_mask(net, parameter.name, mask);
  }
  const std::vector<KernelPattern> patterns = kernel_patterns(net);
  REQUIRE(patterns.size() == 3);
  const double kernels = 4 * 6 + 5 * 36;
  CHECK(patterns[1].kernels == static_cast<std::int64_t>(kernels));
  CHECK(patterns[1].share[4] == 1.0);
  CHECK(patterns[1].share[0] == doctest::Approx(1.0 - 36.0 / kernels));
  CHECK(patterns[2].share[0] < 1.0);
  CHECK(patterns[2].share[8] == 1.0);
  CHECK(patterns[0].mean() == 1.0);
  const Net whole = tiny();
  const std::vector<const Net*> nets = {&net, &whole};
  CHECK(mean_patterns(nets)[1].share[0] == doctest::Approx(1.0 - 18.0 / kernels));
  const std::string svg = pattern_svg("3x3 kernels & more", {{"pass 1", patterns}, {"pass 2", patterns}}, stage_names(stages_of(net)));
  CHECK(svg.find("stage 3 (2x2)") != std::string::npos);
  CHECK(svg.find("pass 2") != std::string::npos);
  CHECK(svg.find("&amp; more") != std::string::npos);
  CHECK(pattern_table({{"pass 1", patterns}}).rows().size() == 27);
  const Net mlp = make_net(cpu(), default_description("mlp"), DType::f32);
  CHECK_THROWS_AS(pattern_svg("mlp", {{"", kernel_patterns(mlp)}}, {"stage 1"}), ConfigError);
}

TEST_CASE("guided: stage shares by hand move to a deeper net by stage") {
  Net net = tiny();
  keep(net, "layer1.0.conv1", {0, 1});
  keep(net, "layer1.1.conv1", {0});
  keep(net, "layer2.0.conv1", {0, 1, 2});
  const Net small = compact(net);
  const StageShares shares = stage_shares(small);
  REQUIRE(shares.layers.size() == 3);
  CHECK(shares.layers[0].value() == doctest::Approx((2 + 1 + 4) / 12.0));
  CHECK(shares.layers[1].value() == doctest::Approx((3 + 6 + 6) / 18.0));
  CHECK(shares.selections[0].value() == 1.0);

  NetDescription deeper = default_description("resnet32");
  const NetDescription guided = with_stage_shares(deeper, {{0.5, 0.26, 0.1}, {std::nullopt, std::nullopt, std::nullopt}});
  CHECK(guided.axis_sizes.size() == 15);
  CHECK(guided.axis_sizes.at("layer1.4.conv1") == 8);
  CHECK(guided.axis_sizes.at("layer2.0.conv1") == 8);   // 8.32
  CHECK(guided.axis_sizes.at("layer3.3.conv1") == 6);   // 6.4
  CHECK(build_net(guided).store->find("layer1.4.conv1.weight")->shape()[0] == 8);
  CHECK(with_uniform_share(deeper, 0.01).axis_sizes.at("layer3.3.conv1") == 1);
  CHECK(with_uniform_share(deeper, 0.5).kept.empty());  // where no selection stands behind a batch norm
  CHECK_THROWS_WITH_AS(with_stage_shares(default_description("vgg16"), shares), doctest::Contains("5 stages"), ConfigError);
  CHECK_THROWS_WITH_AS(with_uniform_share(small.description, 0.5), doctest::Contains("already removed"), ConfigError);
  CHECK_THROWS_AS(with_uniform_share(deeper, 0.0), ConfigError);
}

TEST_CASE("guided: random masks match the map in expectation and move to a deeper net by stage") {
  std::vector<KernelPattern> patterns;
  for (int stage = 0; stage < 3; ++stage) patterns.push_back({stage, 3, 3, {0.1, 0.3, 0.1, 0.3, 0.9, 0.3, 0.1, 0.3, 0.1}, 100});
  patterns[2].share.assign(9, 0.5);
  Net deeper = make_net(cpu(), default_description("resnet32"), DType::f32);
  mask_by_patterns(deeper, patterns, 3, 7);
  const std::vector<KernelPattern> drawn = kernel_patterns(deeper);
  REQUIRE(drawn.size() == 3);
  for (std::size_t stage = 0; stage < 3; ++stage) {
    for (std::size_t tap = 0; tap < 9; ++tap) {
      const double p = patterns[stage].share[tap], deviation = std::sqrt(p * (1 - p) / static_cast<double>(drawn[stage].kernels));
      CAPTURE(tap);
      CHECK(std::abs(drawn[stage].share[tap] - p) < 4.0 * deviation);
    }
  }
  Net again = make_net(cpu(), default_description("resnet32"), DType::f32), other = make_net(cpu(), default_description("resnet32"), DType::f32);
  mask_by_patterns(again, patterns, 3, 7);
  mask_by_patterns(other, patterns, 3, 8);
  const char* name = "layer2.1.conv1.weight";
  CHECK(again.store->find(name)->mask.to_doubles() == deeper.store->find(name)->mask.to_doubles());
  CHECK(other.store->find(name)->mask.to_doubles() != deeper.store->find(name)->mask.to_doubles());
  CHECK_THROWS_WITH_AS(mask_by_patterns(deeper, patterns, 5, 7), doctest::Contains("3 stages"), ConfigError);
  mask_uniformly(deeper, 0.25, 7);
  const KernelPattern last = kernel_patterns(deeper)[2];
  CHECK(std::abs(last.mean() - 0.25) < 0.01);
}

}  // namespace pliant::test
