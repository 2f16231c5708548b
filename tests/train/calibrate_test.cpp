#include "train/calibrate.h"

#include <doctest/doctest.h>

#include <cmath>

#include "nets/widths.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/small_data.h"
#include "tests/support/tiny_net.h"
#include "train/data/batches.h"

namespace pliant::test {

namespace {

constexpr CalibrationOptions kOptions{.batches = 4, .batch = 7, .seed = 3};

NetDescription slimmable(WidthStatistics statistics) {
  NetDescription d = tiny_resnet();
  add_widths(d, {0.5, 1.0}, WidthRounding::truncate, statistics);
  return d;
}

// Statistics of each batch alone, averaged on the host: no running average at all.
std::vector<double> averaged(const Net& net, int row, const DeviceData& data, const std::string& name) {
  const EpochOrder order(data.size(), kOptions.batch, kOptions.seed, 0);
  std::vector<double> sum;
  for (std::int64_t k = 0; k < kOptions.batches; ++k) {
    const Tensor samples = Tensor::from_host(cpu(), {kOptions.batch}, order.batch(k));
    const Batch batch = make_batch(data, samples, random_key(cpu(), 0, 0), {}, net.store->dtype());
    Pass pass{.context = cpu(), .mode = Mode::train, .select = {.width = row}, .branches = Branches::as_in_eval, .statistics_momentum = 1.0};
    forward(net, pass, Var{batch.images});
    const std::vector<double> one = net.store->find(name)->value.to_doubles();
    sum.resize(one.size(), 0.0);
    for (std::size_t i = 0; i < one.size(); ++i) sum[i] += one[i] / static_cast<double>(kOptions.batches);
  }
  return sum;
}

}  // namespace

TEST_CASE("calibrate: statistics are the plain average of those of each batch at every width") {
  const DeviceData data = small_images(cpu());
  for (const WidthStatistics kind : {WidthStatistics::shared, WidthStatistics::statistics, WidthStatistics::switchable}) {
    const Net net = make_net(cpu(), slimmable(kind), DType::f64);
    const Net calibrated = calibrate(net, data, {}, kOptions);
    CHECK(calibrated.description.batch_norm_sets == 2);
    CHECK(calibrated.description.shared_scale_shift == (kind != WidthStatistics::switchable));
    const Net copy = calibrate(net, data, {}, kOptions);  // its buffers are overwritten by averaged()
    for (const auto& [row, set] : {std::pair{0, ""}, std::pair{1, ".set1"}}) {
      for (const char* layer : {"bn1", "layer2.1.bn2", "layer3.2.bn1"}) {
        for (const char* part : {".running_mean", ".running_var"}) {
          const std::string name = cat(layer, set, part);
          CAPTURE(name);
          const std::vector<double> expected = averaged(copy, row, data, name);
          CHECK(difference(calibrated.store->find(name)->value.to_doubles(), expected).relative <= 1e-12);
        }
      }
    }
    CHECK(bit_equal(calibrated.store->find("layer1.0.conv1.weight")->value, net.store->find("layer1.0.conv1.weight")->value));
  }
}

TEST_CASE("calibrate: a net with one shared set gets the asked widths and a switchable one keeps its own") {
  const DeviceData data = small_images(cpu());
  Net shared = make_net(cpu(), slimmable(WidthStatistics::shared), DType::f32);
  shared.store->find_axis("layer1")->mask = make_tensor(cpu(), {4}, DType::f32, {1, 1, 0, 1});
  const Net wider = calibrate(shared, data, {0.75, 0.5}, kOptions);
  CHECK(wider.description.width_ratios == std::vector<double>{0.75, 0.5});
  CHECK(wider.description.widths[1] == shared.description.widths[0]);
  CHECK(wider.store->find_axis("layer1")->mask.to_doubles() == std::vector<double>{1, 1, 0, 1});
  const Net switchable = make_net(cpu(), slimmable(WidthStatistics::switchable), DType::f32);
  CHECK_THROWS_WITH_AS(calibrated_description(switchable, {0.75}), doctest::Contains("1, 0.5"), UsageError);
  const Net half = calibrate(switchable, data, {0.5}, kOptions);
  CHECK(half.description == switchable.description);
  CHECK(bit_equal(half.store->find("bn1.running_mean")->value, switchable.store->find("bn1.running_mean")->value));
  CHECK_FALSE(bit_equal(half.store->find("bn1.set1.running_mean")->value, switchable.store->find("bn1.set1.running_mean")->value));
}

TEST_CASE("calibrate: fewer images than asked for are refused with both numbers") {
  const DeviceData data = small_images(cpu());
  const Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  CHECK_THROWS_WITH_AS(calibrate(net, data, {}, {.batches = 6, .batch = 7}), doctest::Contains("needs 42 images, the training part has 40"), UsageError);
}

}  // namespace pliant::test
