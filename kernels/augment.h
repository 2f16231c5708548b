// A batch of training images from a data set of bytes that lies on the device: gather, pad and crop, flip, normalise,
// cut out.
#pragma once

#include "core/kernel.h"

namespace pliant {

// Which part of the stored image is shown: all of it, shifted by `pad`; a random part, resampled to the size of y (RandomResizedCrop); or its
// centre, which is what goes with the latter in evaluation. kernels/augment_frame.h has the formulas.
enum class Framing : std::uint8_t { shifted, random, centre };

struct Augmentation {
  int pad = 0;               // shift by an integer in [-pad, pad] per direction (pad, then crop back)
  bool fill_with_mean = false;  // pixels from outside: the mean colour (0 after normalising) instead of black (byte 0)
  bool flip = false;         // mirror left and right with probability 1/2
  // Side of a square set to the mean colour, its centre uniform over the image (DeVries and Taylor, 2017); 0: none.
  int cutout = 0;
  Framing framing = Framing::shifted;
  double least_area = 0.08;  // of a random part, as a share of the image
  // Colour jitter: how far factors of brightness, contrast and saturation may lie from 1, and the hue from 0, in turns, 0.5 at most; 0: not
  // changed. The formulas are in kernels/augment_colour.h.
  double brightness = 0.0, contrast = 0.0, saturation = 0.0, hue = 0.0;
  bool jitters() const { return brightness > 0.0 || contrast > 0.0 || saturation > 0.0 || hue > 0.0; }
  bool operator==(const Augmentation&) const = default;
};

}  // namespace pliant

namespace pliant::kernels {

// y[n] = (augmented images[samples[n]] / 255 - mean) / deviation
//   images [M, H, W, C] u8; samples [N] i32; mean, deviation [C] f32; y [N, h, w, C] f32 | bf16 | f16, or f64 on the CPU; h x w is
//   H x W unless the framing resamples, and C is 1 or 3 where it does or colours change.
//   key [3] i32: low and high word of the seed, epoch. Draws of sample s come from the stream
//   (seed, Purpose::augment, epoch, s): word 0 the row shift, 1 the column shift, 2 the flip (lowest bit), 3 and 4 the
//   centre of the cut, 8 to 47 a random part, 48 to 52 the colours: any batch order gives the same crops. Row i of the crop is row
//   i + shift of the image; the crop is then mirrored, its colours change, and it is cut last. Without resampling and
//   jitter every backend gives the same bits; resampled values agree to rounding.
// Throws DataError for samples outside 0..M-1 on the CPU.
PLIANT_KERNEL(augment, (const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                        const Tensor& key, const Augmentation& augmentation, Tensor& y));

// The same of images [N, H, W, C] that came one by one: images[n] is that of sample samples[n], which may be any number from 0 on.
PLIANT_KERNEL(augment_batch, (const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                              const Tensor& key, const Augmentation& augmentation, Tensor& y));

// y[n] = values[samples[n]].   values [M] i32, samples, y [N] i32.
PLIANT_KERNEL(gather_labels, (const Tensor& values, const Tensor& samples, Tensor& y));

}  // namespace pliant::kernels
