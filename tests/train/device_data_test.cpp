#include "train/device_data.h"

#include <doctest/doctest.h>

#include "kernels/resize.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

DeviceData synthetic_data() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 20, .test = 10, .height = 12, .width = 10, .channels = 3, .classes = 4};
  const Splits splits = load_data(options);
  return to_device(cpu(), splits.train, splits.normalisation);
}

Batch three_of(const DeviceData& data) {
  return make_batch(data, Tensor::from_host(cpu(), {3}, std::vector<std::int32_t>{4, 0, 7}), random_key(cpu(), 3, 1), {.pad = 2, .flip = true},
                    DType::f32);
}

}  // namespace

TEST_CASE("device data: batches are resized to the input of a net after the augmentation") {
  DeviceData data = synthetic_data();
  const Batch stored = three_of(data);
  NetDescription d = default_description("resnet20");
  d.height = 24;
  d.width = 20;
  CHECK(fit_to(data, d));
  const Batch resized = three_of(data);
  Tensor expected(cpu(), {3, 24, 20, 3});
  kernels::bilinear_resize(stored.images, expected);
  CHECK(bit_equal(resized.images, expected));
  CHECK(bit_equal(resized.labels, stored.labels));
}

TEST_CASE("device data: images of the right size stay as they are and other channels are refused") {
  DeviceData data = synthetic_data();
  const Batch stored = three_of(data);
  NetDescription d = default_description("resnet20");
  d.height = 12;
  d.width = 10;
  CHECK_FALSE(fit_to(data, d));
  CHECK(bit_equal(three_of(data).images, stored.images));
  d.channels = 1;
  CHECK_THROWS_WITH_AS(fit_to(data, d), doctest::Contains("1 channels"), ConfigError);
}

TEST_CASE("device data: a net that is trained on random parts of larger images sees their centres when it is measured") {
  DeviceData data = synthetic_data();
  const Augmentation training{.flip = true, .framing = Framing::random};
  NetDescription d = default_description("resnet20");
  const Shape stored = data.shape();
  d.height = static_cast<int>(stored[1]) - 2;
  d.width = static_cast<int>(stored[2]) - 2;
  const Tensor samples = Tensor::from_host(cpu(), {2}, std::vector<std::int32_t>{4, 0}), key = random_key(cpu(), 3, 1);
  const auto whole = [&] { return make_batch(data, samples, key, {}, DType::f32).images; };
  CHECK(fit_to(data, d, training));
  CHECK(data.centred);
  const Tensor centres = whole();
  CHECK(centres.shape() == Shape{2, d.height, d.width, stored[3]});
  Tensor expected = Tensor::like(centres);
  kernels::augment(data.images, samples, data.mean, data.deviation, key, {.framing = Framing::centre}, expected);
  CHECK(bit_equal(centres, expected));
  CHECK(three_of(data).images.shape() == Shape{3, d.height, d.width, stored[3]});
  CHECK(fit_to(data, d));  // trained on shifted images: squeezed
  CHECK_FALSE(data.centred);
  CHECK_FALSE(bit_equal(whole(), centres));
  d.height = static_cast<int>(stored[1]);
  d.width = static_cast<int>(stored[2]);
  CHECK_FALSE(fit_to(data, d, training));
  CHECK_FALSE(data.centred);
  d.height = 2 * d.height;
  CHECK(fit_to(data, d, training));
  CHECK_FALSE(data.centred);
}

}  // namespace pliant::test
