// A batch of training images from a data set of bytes that lies on the device: gather, pad and crop, flip, normalise,
// cut out.
#pragma once

#include "core/kernel.h"

namespace pliant {

struct Augmentation {
  int pad = 0;               // shift by an integer in [-pad, pad] per direction (pad, then crop back)
  bool fill_with_mean = false;  // pixels from outside: the mean colour (0 after normalising) instead of black (byte 0)
  bool flip = false;         // mirror left and right with probability 1/2
  // Side of a square set to the mean colour, its centre uniform over the image (DeVries and Taylor, 2017); 0: none.
  int cutout = 0;
  bool operator==(const Augmentation&) const = default;
};

}  // namespace pliant

namespace pliant::kernels {

// y[n] = (augmented images[samples[n]] / 255 - mean) / deviation
//   images [M, H, W, C] u8; samples [N] i32; mean, deviation [C] f32; y [N, H, W, C] f32 | bf16 | f16, or f64 on the CPU.
//   key [3] i32: low and high word of the seed, epoch. Draws of sample s come from the stream
//   (seed, Purpose::augment, epoch, s): word 0 the row shift, 1 the column shift, 2 the flip (lowest bit), 3 and 4 the
//   centre of the cut: any batch order gives the same crops. Row i of the crop is row i + shift of the image; the crop
//   is then mirrored, and cut last.
// Throws DataError for samples outside 0..M-1 on the CPU.
PLIANT_KERNEL(augment, (const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                        const Tensor& key, const Augmentation& augmentation, Tensor& y));

// The same of images [N, H, W, C] that came one by one: images[n] is that of sample samples[n], which may be any number from 0 on.
PLIANT_KERNEL(augment_batch, (const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                              const Tensor& key, const Augmentation& augmentation, Tensor& y));

// y[n] = values[samples[n]].   values [M] i32, samples, y [N] i32.
PLIANT_KERNEL(gather_labels, (const Tensor& values, const Tensor& samples, Tensor& y));

}  // namespace pliant::kernels
