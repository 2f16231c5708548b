// What the operations of augment.h require of their arguments, for every backend. Sample numbers lie in device memory:
// the CPU checks them, kernels trust them.
#pragma once

#include "kernels/augment.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline void check_augment(const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                          const Tensor& key, const Augmentation& augmentation, const Tensor& y) {
  constexpr const char* op = "augment";
  require_rank(op, "images", images, 4);
  const Shape& from = images.shape();
  require_tensor(op, "images", images, from, DType::u8);
  require_rank(op, "samples", samples, 1);
  require_tensor(op, "samples", samples, samples.shape(), DType::i32);
  require_tensor(op, "mean", mean, {from[3]}, DType::f32);
  require_tensor(op, "deviation", deviation, {from[3]}, DType::f32);
  require_tensor(op, "key", key, {3}, DType::i32);
  require_storage(op, "y", y);
  constexpr int kLargest = 1 << 14;
  const bool resampled = augmentation.framing != Framing::shifted;
  if (resampled) {
    require_rank(op, "y", y, 4);
    const Shape& to = y.shape();
    PLIANT_REQUIRE(ShapeError, to[0] == samples.size() && to[3] == from[3] && to[1] >= 1 && to[2] >= 1 && to[1] <= kLargest &&
                   to[2] <= kLargest && from[1] >= 1 && from[2] >= 1, op, ": images ", images, " cannot be resampled to ", y);
  } else {
    require_tensor(op, "y", y, {samples.size(), from[1], from[2], from[3]}, y.dtype());
  }
  PLIANT_REQUIRE(ConfigError, from[3] == 1 || from[3] == 3 || (!resampled && !augmentation.jitters()), op,
                 ": images of ", from[3], " channels can neither be resampled nor change their colours; 1 or 3 can");
  const auto in_range = [&](const char* name, double value, double low, double high) {
    PLIANT_REQUIRE(ConfigError, value >= low && value <= high, op, ": ", name, " must lie in ", low, "..", high, ", got ", value);
  };
  in_range("the least area", augmentation.least_area, 1e-4, 1.0);
  in_range("brightness", augmentation.brightness, 0.0, 100.0);
  in_range("contrast", augmentation.contrast, 0.0, 100.0);
  in_range("saturation", augmentation.saturation, 0.0, 100.0);
  in_range("hue", augmentation.hue, 0.0, 0.5);
  PLIANT_REQUIRE(ConfigError, augmentation.pad >= 0 && augmentation.pad <= kLargest, "augment: pad must lie in 0..",
                 kLargest, ", got ", augmentation.pad);
  PLIANT_REQUIRE(ConfigError, augmentation.cutout >= 0 && augmentation.cutout <= kLargest,
                 "augment: cutout must lie in 0..", kLargest, ", got ", augmentation.cutout);
}

inline void check_augment_batch(const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                                const Tensor& key, const Augmentation& augmentation, const Tensor& y) {
  check_augment(images, samples, mean, deviation, key, augmentation, y);
  PLIANT_REQUIRE(ShapeError, images.shape()[0] == samples.size(), "augment_batch: ", images.shape()[0], " images for ",
                 samples.size(), " samples");
}

inline void check_gather_labels(const Tensor& values, const Tensor& samples, const Tensor& y) {
  require_rank("gather_labels", "values", values, 1);
  require_rank("gather_labels", "samples", samples, 1);
  require_tensor("gather_labels", "values", values, values.shape(), DType::i32);
  require_tensor("gather_labels", "samples", samples, samples.shape(), DType::i32);
  require_tensor("gather_labels", "y", y, samples.shape(), DType::i32);
}

}  // namespace pliant::kernels
