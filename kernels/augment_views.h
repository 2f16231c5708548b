// Training images that are resampled, or whose colours change: the part of `augment` (kernels/augment.h) that computes every pixel from
// several. Not an operation of its own; augment() of each backend calls its body where the options ask for it.
#pragma once

#include "kernels/augment_colour.h"
#include "kernels/augment_frame.h"

namespace pliant::kernels {

// All that is drawn for one image.
struct ViewDraw {
  AugmentDraw shift;  // of the shown image: shifts are 0 where it is resampled
  Frame frame;
  ColourDraw colour;
};

PLIANT_HOST_DEVICE inline ViewDraw draw_view(const std::int32_t* key, std::int32_t sample, const Augmentation& options, const AugmentSizes& stored, int h,
                                             int w) {
  const RandomStream stream = augment_stream(key, sample);
  ViewDraw draw{draw_augmentation(key, sample, options, {h, w, stored.c}), {}, draw_colour(stream, options)};
  if (options.framing == Framing::random) draw.frame = draw_frame(stream, options.least_area, stored);
  if (options.framing == Framing::centre) draw.frame = centre_frame(stored, h, w);
  return draw;
}

// The pixel of the image that is shown at (row, column) of h x w before its colours change, 0 to 1. outside [c]: the colour beside the image.
template <class T>
PLIANT_HOST_DEVICE void shown_pixel(const std::uint8_t* image, const AugmentSizes& stored, const ViewDraw& draw, const Augmentation& options, int h, int w,
                                    int row, int column, const float* mean, T* colour) {
  const int from = draw.shift.flip ? w - 1 - column : column;
  if (options.framing == Framing::shifted) {
    const int r = row + draw.shift.row_shift, s = from + draw.shift.column_shift;
    const bool inside = r >= 0 && r < stored.h && s >= 0 && s < stored.w;
    for (int k = 0; k < stored.c; ++k) {
      const T outside = options.fill_with_mean ? static_cast<T>(mean[k]) : T(0);
      colour[k] = inside ? static_cast<T>(image[(static_cast<std::int64_t>(r) * stored.w + s) * stored.c + k]) / T(255) : outside;
    }
    return;
  }
  const Frame& f = draw.frame;
  resample(image, stored, frame_taps<T>(row, h, f.top, f.height, f.first_row, f.last_row),
           frame_taps<T>(from, w, f.left, f.width, f.first_column, f.last_column), colour);
  for (int k = 0; k < stored.c; ++k) colour[k] /= T(255);
}

namespace cpu {
void augment_views(const Tensor& images, bool gathered, const Tensor& samples, const Tensor& mean, const Tensor& deviation, const Tensor& key,
                   const Augmentation& augmentation, Tensor& y);
}
namespace gpu {
void augment_views(const Tensor& images, bool gathered, const Tensor& samples, const Tensor& mean, const Tensor& deviation, const Tensor& key,
                   const Augmentation& augmentation, Tensor& y);
}

}  // namespace pliant::kernels
