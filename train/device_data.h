// One part of a data set on the device, as bytes. Batches are gathered, augmented and normalised there by one kernel.
#pragma once

#include <span>

#include "kernels/augment.h"
#include "train/data/dataset.h"

namespace pliant {

struct DeviceData {
  Tensor images;           // [M, H, W, C] u8
  Tensor labels;           // [M] i32
  Tensor mean, deviation;  // [C] f32
  std::int64_t size() const { return labels ? labels.size() : 0; }
};

DeviceData to_device(Context& context, const Dataset& data, const Normalisation& normalisation);

struct Batch {
  Tensor images;   // [N, H, W, C] f32 or f64
  Tensor labels;   // [N] i32
  Tensor samples;  // [N] i32: positions in the data
};

// samples [N] i32 on the device; key as random_key() makes it.
Batch make_batch(const DeviceData& data, const Tensor& samples, const Tensor& key, const Augmentation& augmentation, DType dtype);

// [3] i32 on the device: low and high word of the seed, epoch.
Tensor random_key(Context& context, std::uint64_t seed, std::uint32_t epoch);

}  // namespace pliant
