#include "train/layer_sensitivity.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "nets/compact.h"
#include "tests/support/contexts.h"
#include "tests/support/small_data.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

TEST_CASE("layer sensitivity: every layer of its own is pruned alone and the net comes back as it was") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  const DeviceData data = small_images(cpu());
  const std::vector<double> before = net.store->values().to_doubles();
  LayerSensitivityOptions options;
  options.ratios = {0.25, 0.5, 0.9};
  const LayerSensitivity study = measure_layers(net, data, {}, options);
  REQUIRE(study.layers.size() == 9);  // the first convolution of every block
  const LayerCurve& first = study.layers[0];
  CHECK(first.layer == "layer1.0.conv1");
  CHECK(first.channels == 4);
  CHECK(first.points[0].kept == 3);
  CHECK(first.points[1].kept == 2);
  CHECK(first.points[2].kept == 1);  // one stays, whatever the ratio
  CHECK(first.norms.front() == 1.0);
  CHECK(std::is_sorted(first.norms.rbegin(), first.norms.rend()));
  CHECK(net.store->values().to_doubles() == before);
  for (const auto& axis : net.store->axes()) CHECK_FALSE(static_cast<bool>(axis->mask));
  CHECK(study.whole.accuracy == evaluate(net, data, 16).last().accuracy);
}

TEST_CASE("layer sensitivity: the smallest sums go and the figures are those of that mask") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  const DeviceData data = small_images(cpu());
  ChannelAxis& axis = *net.store->find_axis("layer1.0.conv1");
  Parameter& weight = *net.store->find("layer1.0.conv1.weight");
  std::vector<float> values = weight.value.to_host<float>();
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = i / (values.size() / 4) % 2 == 0 ? 0.01f : 0.5f;  // channels 1 and 3 are large
  weight.value.write(values.data());
  LayerSensitivityOptions options;
  options.ratios = {0.5};
  const LayerSensitivity study = measure_layers(net, data, {}, options);
  CHECK(study.layers[0].flatness == doctest::Approx(0.51).epsilon(1e-4));
  keep_channels(cpu(), DType::f32, axis, {1, 3});
  const Figures expected = evaluate(net, data, 16).last();
  CHECK(study.layers[0].points[0].figures.loss == doctest::Approx(expected.loss));
  CHECK(study.layers[0].loss_of_accuracy == doctest::Approx(study.whole.accuracy - expected.accuracy));
}

TEST_CASE("layer sensitivity: a mask that is there stays and training in between leaves no trace") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  ChannelAxis& axis = *net.store->find_axis("layer2.1.conv1");
  keep_channels(cpu(), DType::f32, axis, {0, 1, 3, 5});
  const std::vector<double> before = net.store->values().to_doubles();
  int trained = 0;
  LayerSensitivityOptions options;
  options.ratios = {0.5};
  options.retrain = [&](Net& masked, const std::string&, double) {
    ++trained;
    masked.store->values().copy_from(Tensor::zeros_like(masked.store->values()));
  };
  const LayerSensitivity study = measure_layers(net, small_images(cpu()), {}, options);
  CHECK(trained == 9);
  CHECK(study.layers[4].channels == 4);
  CHECK(study.layers[4].points[0].kept == 2);
  CHECK(study.layers[4].points[0].figures.loss == doctest::Approx(std::log(3.0)));  // of a net that says nothing
  CHECK(net.store->values().to_doubles() == before);
  CHECK(kept_channels(axis) == std::vector<std::int32_t>{0, 1, 3, 5});
  options.ratios = {1.0};
  CHECK_THROWS_AS(measure_layers(net, small_images(cpu()), {}, options), UsageError);
}

TEST_CASE("layer sensitivity: Spearman's rank correlation by hand") {
  CHECK(*rank_correlation({1.0, 2.0, 3.0}, {10.0, 100.0, 1000.0}) == doctest::Approx(1.0));
  CHECK(*rank_correlation({1.0, 2.0, 3.0}, {3.0, 2.0, 1.0}) == doctest::Approx(-1.0));
  CHECK(*rank_correlation({1.0, 2.0, 3.0, 4.0}, {2.0, 1.0, 4.0, 3.0}) == doctest::Approx(0.6));  // 1 - 6 * 4 / (4 * 15)
  CHECK(*rank_correlation({1.0, 1.0, 2.0}, {1.0, 2.0, 3.0}) == doctest::Approx(0.8660254));     // the two ones share a rank
  CHECK_FALSE(rank_correlation({1.0}, {2.0}).has_value());
  CHECK_FALSE(rank_correlation({1.0, 1.0}, {1.0, 2.0}).has_value());
}

}  // namespace pliant::test
