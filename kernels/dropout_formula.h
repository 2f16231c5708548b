// Which elements dropout keeps and what it requires of its arguments, once for every backend.
#pragma once

#include <cmath>

#include "core/rng.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

// Four neighbouring elements of a sample share one call of Philox. Bit i of the result: element 4 group + i is kept.
// key: low and high word of the seed, epoch. threshold = p 2^24: integers compare alike on every device.
PLIANT_HOST_DEVICE inline unsigned kept_elements(const std::int32_t* key, std::int32_t sample, int layer,
                                                 std::uint32_t group, std::uint32_t threshold) {
  const std::uint64_t seed =
      (std::uint64_t{static_cast<std::uint32_t>(key[1])} << 32) | static_cast<std::uint32_t>(key[0]);
  const RandomStream stream(seed, Purpose::dropout, static_cast<std::uint32_t>(key[2]),
                            static_cast<std::uint32_t>(sample));
  const auto words = stream.words((std::uint64_t{static_cast<std::uint32_t>(layer)} << 32) | group);
  unsigned kept = 0;
  for (unsigned i = 0; i < 4; ++i) kept |= static_cast<unsigned>((words[i] >> 8) >= threshold) << i;
  return kept;
}

inline std::uint32_t dropout_threshold(double p) { return static_cast<std::uint32_t>(std::ceil(p * 0x1p24)); }

inline void check_dropout(const Tensor& x, const Tensor& key, const Tensor& samples, int layer, double p,
                          const Tensor& y) {
  require_storage("dropout", "x", x);
  require_same("dropout", x, y);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() > 0, "dropout: x must be [N, ...], got ", x);
  require_tensor("dropout", "key", key, {3}, DType::i32);
  require_tensor("dropout", "samples", samples, {x.shape()[0]}, DType::i32);
  PLIANT_REQUIRE(ConfigError, p >= 0.0 && p < 1.0, "dropout: the probability must lie in [0, 1), got ", p);
  PLIANT_REQUIRE(ConfigError, layer >= 0, "dropout: layer ", layer, " is negative");
  PLIANT_REQUIRE(ShapeError, x.shape()[0] == 0 || x.size() / x.shape()[0] < (std::int64_t{1} << 34),
                 "dropout: a sample of ", x, " has 2^34 elements or more");
}

}  // namespace pliant::kernels
