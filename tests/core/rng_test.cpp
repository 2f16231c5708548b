#include "core/rng.h"

#include <doctest/doctest.h>

#include <cmath>

namespace pliant::test {

TEST_CASE("philox: the known answers of Random123") {
  const auto zeros = philox({0, 0, 0, 0}, {0, 0});
  CHECK(zeros == std::array<std::uint32_t, 4>{0x6627e8d5u, 0xe169c58du, 0xbc57ac4cu, 0x9b00dbd8u});
  const std::uint32_t f = 0xffffffffu;
  CHECK(philox({f, f, f, f}, {f, f}) == std::array<std::uint32_t, 4>{0x408f276du, 0x41c83b0eu, 0xa20bc7c6u, 0x6d5451fdu});
  CHECK(philox({0x243f6a88u, 0x85a308d3u, 0x13198a2eu, 0x03707344u}, {0xa4093822u, 0x299f31d0u}) ==
        std::array<std::uint32_t, 4>{0xd16cfe09u, 0x94fdccebu, 0x5001e420u, 0x24126ea1u});
}

TEST_CASE("random stream: purpose, epoch, id and seed each change the numbers") {
  const RandomStream base(1, Purpose::augment, 2, 3);
  CHECK(base.words(0) == RandomStream(1, Purpose::augment, 2, 3).words(0));
  CHECK(base.words(0) != RandomStream(1, Purpose::dropout, 2, 3).words(0));
  CHECK(base.words(0) != RandomStream(1, Purpose::augment, 3, 3).words(0));
  CHECK(base.words(0) != RandomStream(1, Purpose::augment, 2, 4).words(0));
  CHECK(base.words(0) != RandomStream(std::uint64_t{1} << 32, Purpose::augment, 2, 3).words(0));
  CHECK(base.word(5) == base.words(1)[1]);
}

TEST_CASE("random stream: uniform, integer and normal draws have their moments") {
  const RandomStream stream(42, Purpose::init, 0, 0);
  constexpr int kDraws = 40000;
  double mean = 0.0, normal_mean = 0.0, normal_square = 0.0;
  int counts[7] = {};
  for (int i = 0; i < kDraws; ++i) {
    const float u = stream.uniform(static_cast<std::uint64_t>(i));
    REQUIRE((u >= 0.0f && u < 1.0f));
    mean += static_cast<double>(u) / kDraws;
    ++counts[stream.below(static_cast<std::uint64_t>(i), 7)];
    const double n = stream.normal(static_cast<std::uint64_t>(i));
    normal_mean += n / kDraws;
    normal_square += n * n / kDraws;
  }
  const double error = 4.0 / std::sqrt(static_cast<double>(kDraws));  // four standard errors of a unit variance
  CHECK(std::abs(mean - 0.5) < error * std::sqrt(1.0 / 12.0));
  CHECK(std::abs(normal_mean) < error);
  CHECK(std::abs(normal_square - 1.0) < error * std::sqrt(2.0));
  for (const int count : counts) CHECK(std::abs(count - kDraws / 7.0) < 4.0 * std::sqrt(kDraws / 7.0));
}

}  // namespace pliant::test
