// One part of a data set on the device, as bytes. Batches are gathered, augmented and normalised there by one kernel, and resized to
// what a net takes where the images have another size. Of a part that is streamed (train/data/image_files.h) only the labels lie there,
// and the bytes of every batch are copied to the device.
#pragma once

#include <span>

#include "kernels/augment.h"
#include "nets/description.h"
#include "train/data/image_stream.h"

namespace pliant {

struct DeviceData {
  Tensor images;           // [M, H, W, C] u8; none where they are streamed
  Tensor labels;           // [M] i32
  Tensor mean, deviation;  // [C] f32
  std::int64_t height = 0, width = 0;  // of batches; 0: as the images are
  bool centred = false;                // whether images that are shown whole are cut to their centre instead of squeezed
  std::shared_ptr<const ImageFiles> files{};
  std::int64_t size() const { return labels ? labels.size() : 0; }
  Shape shape() const;     // [M, H, W, C]
};

DeviceData to_device(Context& context, const Dataset& data, const Normalisation& normalisation);

// Batches get the size that the net takes. True where that means resizing; ConfigError where the images have
// other channels than its input. training: what the net is trained with; where that shows random parts of images larger than the input,
// batches of whole images show their centres (Framing::centre).
bool fit_to(DeviceData& data, const NetDescription& net, const Augmentation& training = {});

struct Batch {
  Tensor images;   // [N, H, W, C] in the type that the net computes in
  Tensor labels;   // [N] i32
  Tensor samples;  // [N] i32: positions in the data
};

// samples [N] i32 on the device; key as random_key() makes it. Random parts and centres are resampled to the size of batches at once; else
// images are augmented at the size of the data, then resized. dtype: that in which
// the net computes. Of a streamed part the images are decoded here and now: whoever knows the order ahead takes a BatchStream.
Batch make_batch(const DeviceData& data, const Tensor& samples, const Tensor& key, const Augmentation& augmentation, DType dtype);
// Of images [N, H, W, C] u8 that are those of the samples.
Batch make_batch(const DeviceData& data, const Tensor& images, const Tensor& samples, const Tensor& key, const Augmentation& augmentation,
                 DType dtype);

// The images of a streamed part in batches, decoded ahead (train/data/image_stream.h), on the device.
class BatchStream {
 public:
  // As ImageStream; `place` [batch, H, W, C] u8 is where batches are copied to, so that a recorded step finds them at one address.
  BatchStream(const DeviceData& data, std::span<const std::int32_t> order, std::int64_t batch, std::int64_t first, const Tensor& place);
  // Copies the next batch; the n images of it, in `place`. Throws as ImageStream::next().
  Tensor next();
  // Memory for batches of so many.
  static Tensor place_for(const DeviceData& data, std::int64_t batch);

 private:
  ImageStream stream_;
  Tensor place_;
};

// [3] i32 on the device: low and high word of the seed, epoch.
Tensor random_key(Context& context, std::uint64_t seed, std::uint32_t epoch);

}  // namespace pliant
