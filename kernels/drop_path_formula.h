// Which rows drop_rows keeps and what it requires of its arguments, once for every backend.
#pragma once

#include <cmath>

#include "core/rng.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

// key: low and high word of the seed, epoch. threshold = survival 2^24: integers compare alike on every device.
PLIANT_HOST_DEVICE inline bool row_survives(const std::int32_t* key, std::int32_t sample, int block,
                                            std::uint32_t threshold) {
  const std::uint64_t seed =
      (std::uint64_t{static_cast<std::uint32_t>(key[1])} << 32) | static_cast<std::uint32_t>(key[0]);
  const RandomStream stream(seed, Purpose::gate, static_cast<std::uint32_t>(key[2]), static_cast<std::uint32_t>(sample));
  return (stream.word(static_cast<std::uint64_t>(block)) >> 8) < threshold;
}

inline std::uint32_t survival_threshold(double survival) {
  return static_cast<std::uint32_t>(std::ceil(survival * 0x1p24));
}

inline void check_drop_rows(const Tensor& x, const Tensor& key, const Tensor& samples, int block, double survival,
                            double factor, const Tensor& y) {
  require_storage("drop_rows", "x", x);
  require_same("drop_rows", x, y);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() > 0, "drop_rows: x must be [N, ...], got ", x);
  require_tensor("drop_rows", "key", key, {3}, DType::i32);
  require_tensor("drop_rows", "samples", samples, {x.shape()[0]}, DType::i32);
  PLIANT_REQUIRE(ConfigError, survival > 0.0 && survival <= 1.0, "drop_rows: the survival must lie in (0, 1], got ",
                 survival);
  PLIANT_REQUIRE(ConfigError, std::isfinite(factor), "drop_rows: the factor must be finite, got ", factor);
  PLIANT_REQUIRE(ConfigError, block >= 0, "drop_rows: block ", block, " is negative");
}

}  // namespace pliant::kernels
