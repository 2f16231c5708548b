// What is drawn for a training image and where its pixels come from, once for every backend.
#pragma once

#include "core/rng.h"
#include "kernels/augment.h"

namespace pliant::kernels {

struct AugmentSizes {
  int h, w, c;
};

// How one image is changed. The cut covers rows [cut_top, cut_bottom) and columns [cut_left, cut_right) of the result.
struct AugmentDraw {
  int row_shift, column_shift, flip;
  int cut_top, cut_bottom, cut_left, cut_right;
};

// key: low and high word of the seed, epoch.
PLIANT_HOST_DEVICE inline RandomStream augment_stream(const std::int32_t* key, std::int32_t sample) {
  const std::uint64_t seed =
      (std::uint64_t{static_cast<std::uint32_t>(key[1])} << 32) | static_cast<std::uint32_t>(key[0]);
  return {seed, Purpose::augment, static_cast<std::uint32_t>(key[2]), static_cast<std::uint32_t>(sample)};
}

// sizes: of what is shown.
PLIANT_HOST_DEVICE inline AugmentDraw draw_augmentation(const std::int32_t* key, std::int32_t sample,
                                                        const Augmentation& options, const AugmentSizes& sizes) {
  const RandomStream stream = augment_stream(key, sample);
  AugmentDraw draw{};
  if (options.framing == Framing::shifted && options.pad > 0) {
    const auto positions = static_cast<std::uint32_t>(2 * options.pad + 1);
    draw.row_shift = static_cast<int>(stream.below(0, positions)) - options.pad;
    draw.column_shift = static_cast<int>(stream.below(1, positions)) - options.pad;
  }
  if (options.flip) draw.flip = static_cast<int>(stream.word(2) & 1u);
  if (options.cutout > 0) {
    draw.cut_top = static_cast<int>(stream.below(3, static_cast<std::uint32_t>(sizes.h))) - options.cutout / 2;
    draw.cut_left = static_cast<int>(stream.below(4, static_cast<std::uint32_t>(sizes.w))) - options.cutout / 2;
    draw.cut_bottom = draw.cut_top + options.cutout;
    draw.cut_right = draw.cut_left + options.cutout;
  }
  return draw;
}

PLIANT_HOST_DEVICE inline bool is_cut(const AugmentDraw& draw, int row, int column) {
  return row >= draw.cut_top && row < draw.cut_bottom && column >= draw.cut_left && column < draw.cut_right;
}

template <class T>
PLIANT_HOST_DEVICE inline T normalise(std::uint8_t byte, T mean, T deviation) {
  return (static_cast<T>(byte) / T(255) - mean) / deviation;
}

}  // namespace pliant::kernels
