#include "kernels/augment.h"

#include <doctest/doctest.h>

#include <set>

#include "core/rng.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

constexpr std::int64_t kImages = 6, kHeight = 5, kWidth = 7, kChannels = 3;

Tensor integers(Context& context, const std::vector<std::int32_t>& values) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(values.size())}, values);
}

// Bytes from 1 up, so that a black pixel comes from outside alone.
std::vector<std::uint8_t> image_bytes() {
  std::vector<std::uint8_t> bytes(kImages * kHeight * kWidth * kChannels);
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::uint8_t>(1 + (i * 37) % 255);
  return bytes;
}

Tensor augmented(Context& context, DType dtype, const Augmentation& options, const std::vector<std::int32_t>& samples,
                 std::int32_t epoch = 0, const std::vector<double>& mean = {0.5, 0.25, 0.4},
                 const std::vector<double>& deviation = {0.25, 0.5, 0.2}) {
  const Tensor images = Tensor::from_host<std::uint8_t>(context, {kImages, kHeight, kWidth, kChannels}, image_bytes());
  Tensor y(context, {static_cast<std::int64_t>(samples.size()), kHeight, kWidth, kChannels}, dtype);
  kernels::augment(images, integers(context, samples), make_tensor(context, {kChannels}, DType::f32, mean),
                   make_tensor(context, {kChannels}, DType::f32, deviation), integers(context, {11, 22, epoch}),
                   options, y);
  return y;
}

// The byte from which a value was made with mean 0 and deviation 1.
int byte_of(double value) { return static_cast<int>(value * 255.0 + 0.5); }

std::vector<double> raw(const Augmentation& options, std::int32_t sample, std::int32_t epoch) {
  return augmented(cpu(), DType::f64, options, {sample}, epoch, {0, 0, 0}, {1, 1, 1}).to_doubles();
}

std::size_t at(std::int64_t row, std::int64_t column, std::int64_t channel) {
  return static_cast<std::size_t>((row * kWidth + column) * kChannels + channel);
}

RandomStream stream_of(std::int32_t sample, std::int32_t epoch) {
  return {(std::uint64_t{22} << 32) | 11, Purpose::augment, static_cast<std::uint32_t>(epoch),
          static_cast<std::uint32_t>(sample)};
}

}  // namespace

TEST_CASE("augment: without options it gathers and normalises") {
  const std::vector<std::uint8_t> bytes = image_bytes();
  const std::vector<double> y = augmented(cpu(), DType::f64, {}, {4, 0, 4}).to_doubles(),
                            mean = {0.5, 0.25, static_cast<double>(0.4f)};
  const std::vector<double> deviation = {0.25, 0.5, static_cast<double>(0.2f)};
  const std::size_t size = kHeight * kWidth * kChannels;
  const std::size_t samples[] = {4, 0, 4};
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t c = i % kChannels;
    CHECK(y[i] == (bytes[samples[i / size] * size + i % size] / 255.0 - mean[c]) / deviation[c]);
  }
}

TEST_CASE("augment: a flip mirrors columns and each draw follows the documented stream") {
  const std::vector<double> plain = raw({}, 3, 0);
  int flips = 0;
  for (std::int32_t epoch = 0; epoch < 40; ++epoch) {
    const std::vector<double> y = raw({0, false, true, 0}, 3, epoch);
    const bool flipped = stream_of(3, epoch).word(2) & 1u;
    flips += flipped;
    for (std::int64_t i = 0; i < kHeight; ++i) {
      for (std::int64_t j = 0; j < kWidth; ++j)
        REQUIRE(y[at(i, j, 1)] == plain[at(i, flipped ? kWidth - 1 - j : j, 1)]);
    }
  }
  CHECK(flips > 8);
  CHECK(flips < 32);
}

TEST_CASE("augment: every shift occurs and shows the shifted window with black outside") {
  const std::vector<double> plain = raw({}, 2, 0);
  std::set<std::pair<int, int>> seen;
  for (std::int32_t epoch = 0; epoch < 200; ++epoch) {
    const std::vector<double> y = raw({2, false, false, 0}, 2, epoch);
    const int rows = static_cast<int>(stream_of(2, epoch).below(0, 5)) - 2,
              columns = static_cast<int>(stream_of(2, epoch).below(1, 5)) - 2;
    seen.insert({rows, columns});
    for (std::int64_t i = 0; i < kHeight; ++i) {
      for (std::int64_t j = 0; j < kWidth; ++j) {
        const std::int64_t row = i + rows, column = j + columns;
        const bool inside = row >= 0 && row < kHeight && column >= 0 && column < kWidth;
        REQUIRE(y[at(i, j, 0)] == (inside ? plain[at(row, column, 0)] : 0.0));
      }
    }
  }
  CHECK(seen.size() == 25);
}

TEST_CASE("augment: outside is black before normalising or the mean colour") {
  // A shift by more than the image leaves nothing of it in view for some epoch.
  for (std::int32_t epoch = 0;; ++epoch) {
    if (stream_of(1, epoch).below(0, 81) >= 40 + kHeight) {
      const std::vector<double> black = augmented(cpu(), DType::f64, {40, false, true, 0}, {1}, epoch).to_doubles();
      for (std::size_t i = 0; i < black.size(); i += kChannels) REQUIRE(black[i] == -2.0);  // (0 - 0.5) / 0.25
      for (const double value : augmented(cpu(), DType::f64, {40, true, true, 0}, {1}, epoch).to_doubles())
        REQUIRE(value == 0.0);
      return;
    }
  }
}

TEST_CASE("augment: the cut is a square clipped at the borders and set to the mean colour") {
  std::set<std::size_t> areas;
  for (std::int32_t epoch = 0; epoch < 60; ++epoch) {
    const std::vector<double> y = raw({0, false, false, 3}, 5, epoch);
    const auto row = static_cast<std::int64_t>(stream_of(5, epoch).below(3, kHeight));
    const auto column = static_cast<std::int64_t>(stream_of(5, epoch).below(4, kWidth));
    std::size_t area = 0;
    for (std::int64_t i = 0; i < kHeight; ++i) {
      for (std::int64_t j = 0; j < kWidth; ++j) {
        const bool cut = std::abs(i - row) <= 1 && std::abs(j - column) <= 1;
        area += cut;
        for (std::int64_t k = 0; k < kChannels; ++k) REQUIRE((byte_of(y[at(i, j, k)]) == 0) == cut);
      }
    }
    areas.insert(area);
  }
  CHECK(areas == std::set<std::size_t>{4, 6, 9});
}

TEST_CASE("augment: CPU and kernels give the same bits and the order of samples does not matter") {
  const Augmentation options{2, false, true, 3};
  const Tensor expected = augmented(cpu(), DType::f32, options, {0, 1, 2, 3, 4, 5}, 9);
  const std::vector<std::int32_t> order = {3, 5, 0, 1, 4, 2};
  const Tensor permuted = augmented(cpu(), DType::f32, options, order, 9);
  for (std::size_t i = 0; i < order.size(); ++i)
    CHECK(bit_equal(permuted.rows(static_cast<std::int64_t>(i), 1), expected.rows(order[i], 1)));
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    CHECK(bit_equal(augmented(*gpu.context, DType::f32, options, order, 9), permuted));
  }
  CHECK_FALSE(bit_equal(augmented(cpu(), DType::f32, options, order, 10), permuted));
}

TEST_CASE("augment: samples outside the data set and options that mean nothing are refused") {
  CHECK_THROWS_WITH_AS(augmented(cpu(), DType::f32, {}, {0, 6}),
                       "augment: samples[1] = 6 is outside 0..5 of the data set", DataError);
  CHECK_THROWS_AS(augmented(cpu(), DType::f32, {}, {-1}), DataError);
  CHECK_THROWS_AS(augmented(cpu(), DType::f32, {-1, false, false, 0}, {0}), ConfigError);
  CHECK_THROWS_AS(augmented(cpu(), DType::f32, {0, false, false, -2}, {0}), ConfigError);
  Tensor y(cpu(), {1}, DType::i32);
  CHECK_THROWS_AS(kernels::gather_labels(integers(cpu(), {4, 5}), integers(cpu(), {2}), y), DataError);
  kernels::gather_labels(integers(cpu(), {4, 5}), integers(cpu(), {1}), y);
  CHECK(y.to_host<std::int32_t>()[0] == 5);
}

}  // namespace pliant::test
