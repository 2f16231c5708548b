// One part of a data set on the device, as bytes. Batches are gathered, augmented and normalised there by one kernel, and resized to
// what a net takes where the images have another size.
#pragma once

#include <span>

#include "kernels/augment.h"
#include "nets/description.h"
#include "train/data/dataset.h"

namespace pliant {

struct DeviceData {
  Tensor images;           // [M, H, W, C] u8
  Tensor labels;           // [M] i32
  Tensor mean, deviation;  // [C] f32
  std::int64_t height = 0, width = 0;  // of batches; 0: as the images are
  std::int64_t size() const { return labels ? labels.size() : 0; }
};

DeviceData to_device(Context& context, const Dataset& data, const Normalisation& normalisation);

// Batches get the size that the net takes. True where that means resizing; ConfigError where the images have
// other channels than its input.
bool fit_to(DeviceData& data, const NetDescription& net);

struct Batch {
  Tensor images;   // [N, H, W, C] in the type that the net computes in
  Tensor labels;   // [N] i32
  Tensor samples;  // [N] i32: positions in the data
};

// samples [N] i32 on the device; key as random_key() makes it. Augmented at the size of the data, then resized. dtype: that in which
// the net computes.
Batch make_batch(const DeviceData& data, const Tensor& samples, const Tensor& key, const Augmentation& augmentation, DType dtype);

// [3] i32 on the device: low and high word of the seed, epoch.
Tensor random_key(Context& context, std::uint64_t seed, std::uint32_t epoch);

}  // namespace pliant
