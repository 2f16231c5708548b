// Which part of a stored image a training image shows, and the colour of one of its pixels: the integer shift, or a frame that is resampled
// bilinearly with the triangle filter that widens where the frame shrinks (antialiasing, as in Pillow). Once for every backend.
#pragma once

#include <cmath>

#include "kernels/augment_formulas.h"

namespace pliant::kernels {

// Position (i + 0.5) height / h - 0.5 + top of a stored image is shown at row i of h; rows outside first_row..last_row have no weight.
struct Frame {
  double top, left, height, width;
  int first_row, last_row, first_column, last_column;
};

// The frame of torchvision's RandomResizedCrop (after Szegedy et al., "Going deeper with convolutions", 2015): the area a share in
// [least_area, 1] of the image, uniform; the ratio of width to height in [3/4, 4/3], its logarithm uniform; sides rounded; the place
// uniform among all whole ones. Of ten draws the first that fits; else the largest centred frame with a ratio in that range. Words 8 to 47.
PLIANT_HOST_DEVICE inline Frame draw_frame(const RandomStream& stream, double least_area, const AugmentSizes& stored) {
  constexpr int kTries = 10;
  constexpr double kWidest = 4.0 / 3.0, kLogWidest = 0.28768207245178092744;
  int h = stored.h, w = stored.w, top = 0, left = 0;
  bool found = false;
  for (int attempt = 0; attempt < kTries && !found; ++attempt) {
    const auto word = static_cast<std::uint64_t>(8 + 4 * attempt);
    const double area = (least_area + (1.0 - least_area) * static_cast<double>(stream.uniform(word))) * stored.h * stored.w;
    const double ratio = std::exp(kLogWidest * (2.0 * static_cast<double>(stream.uniform(word + 1)) - 1.0));
    w = static_cast<int>(std::rint(std::sqrt(area * ratio)));
    h = static_cast<int>(std::rint(std::sqrt(area / ratio)));
    found = h > 0 && w > 0 && h <= stored.h && w <= stored.w;
    if (!found) continue;
    top = static_cast<int>(stream.below(word + 2, static_cast<std::uint32_t>(stored.h - h + 1)));
    left = static_cast<int>(stream.below(word + 3, static_cast<std::uint32_t>(stored.w - w + 1)));
  }
  if (!found) {
    const double ratio = static_cast<double>(stored.w) / stored.h;
    h = ratio < 1.0 / kWidest ? static_cast<int>(std::rint(stored.w * kWidest)) : stored.h;
    w = ratio > kWidest ? static_cast<int>(std::rint(stored.h * kWidest)) : stored.w;
    top = (stored.h - h) / 2;
    left = (stored.w - w) / 2;
  }
  return {static_cast<double>(top), static_cast<double>(left), static_cast<double>(h), static_cast<double>(w), top, top + h - 1, left, left + w - 1};
}

// What resizing to 8/7 of the sides of y, shorter side to shorter side, and cutting out the centre shows (256 and 224 of the usual
// evaluation): 7/8 of the largest centred frame of y's shape. Beside it lie pixels that the filter may reach.
PLIANT_HOST_DEVICE inline Frame centre_frame(const AugmentSizes& stored, int h, int w) {
  const double down = static_cast<double>(stored.h) / h, right = static_cast<double>(stored.w) / w;
  const double scale = 0.875 * (down < right ? down : right), height = scale * h, width = scale * w;
  return {0.5 * (stored.h - height), 0.5 * (stored.w - width), height, width, 0, stored.h - 1, 0, stored.w - 1};
}

// The taps of one position along a side: stored positions first to last, each with weight 1 - |at - centre| / reach.
template <class T>
struct FrameTaps {
  T centre, reach;
  int first, last;
  PLIANT_HOST_DEVICE T weight(int at) const {
    const T distance = at < centre ? centre - static_cast<T>(at) : static_cast<T>(at) - centre;
    return distance < reach ? T(1) - distance / reach : T(0);
  }
};

// Of position i of `count`, which together show `length` stored positions from `begin` on; none outside lowest..highest.
template <class T>
PLIANT_HOST_DEVICE FrameTaps<T> frame_taps(int i, int count, double begin, double length, int lowest, int highest) {
  const double scale = length / count, centre = (i + 0.5) * scale - 0.5 + begin, reach = scale > 1.0 ? scale : 1.0;
  const int first = static_cast<int>(std::ceil(centre - reach)), last = static_cast<int>(std::floor(centre + reach));
  return {static_cast<T>(centre), static_cast<T>(reach), first < lowest ? lowest : first, last > highest ? highest : last};
}

// colour[0..c) = the weighted mean of the taps' pixels, 0 to 255.
template <class T>
PLIANT_HOST_DEVICE void resample(const std::uint8_t* image, const AugmentSizes& stored, const FrameTaps<T>& rows, const FrameTaps<T>& columns, T* colour) {
  for (int k = 0; k < stored.c; ++k) colour[k] = T(0);
  T total = T(0);
  for (int r = rows.first; r <= rows.last; ++r) {
    const T row_weight = rows.weight(r);
    const std::uint8_t* row = image + static_cast<std::int64_t>(r) * stored.w * stored.c;
    for (int s = columns.first; s <= columns.last; ++s) {
      const T weight = row_weight * columns.weight(s);
      total += weight;
      for (int k = 0; k < stored.c; ++k) colour[k] += weight * static_cast<T>(row[s * stored.c + k]);
    }
  }
  for (int k = 0; k < stored.c; ++k) colour[k] /= total;
}

}  // namespace pliant::kernels
