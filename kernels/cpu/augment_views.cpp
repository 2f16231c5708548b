#include "kernels/augment_views.h"

namespace pliant::kernels::cpu {

namespace {

// The mean over the image of its grey, as it is when contrast is changed.
template <class T>
T grey_mean(const std::uint8_t* image, const AugmentSizes& stored, const ViewDraw& draw, const Augmentation& options, int h, int w, const float* mean) {
  double sum = 0.0;
  for (int row = 0; row < h; ++row) {
    for (int column = 0; column < w; ++column) {
      T colour[3];
      shown_pixel(image, stored, draw, options, h, w, row, column, mean, colour);
      change_colour(draw.colour, options, true, T(0), colour, stored.c);
      sum += static_cast<double>(grey_of(colour, stored.c));
    }
  }
  return static_cast<T>(sum / h / w);
}

template <class T>
void augment_view(const std::uint8_t* image, const AugmentSizes& stored, const ViewDraw& draw, const Augmentation& options, int h, int w, const float* mean,
                  const float* deviation, T* y) {
  const T grey = options.contrast > 0.0 ? grey_mean<T>(image, stored, draw, options, h, w, mean) : T(0);
  for (int row = 0; row < h; ++row) {
    for (int column = 0; column < w; ++column, y += stored.c) {
      T colour[3];
      shown_pixel(image, stored, draw, options, h, w, row, column, mean, colour);
      change_colour(draw.colour, options, false, grey, colour, stored.c);
      const bool cut = is_cut(draw.shift, row, column);
      for (int k = 0; k < stored.c; ++k) y[k] = cut ? T(0) : (colour[k] - static_cast<T>(mean[k])) / static_cast<T>(deviation[k]);
    }
  }
}

}  // namespace

void augment_views(const Tensor& images, bool gathered, const Tensor& samples, const Tensor& mean, const Tensor& deviation, const Tensor& key,
                   const Augmentation& augmentation, Tensor& y) {
  dispatch_cpu(y.dtype(), "augment", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape &from = images.shape(), &to = y.shape();
    const AugmentSizes stored{static_cast<int>(from[1]), static_cast<int>(from[2]), static_cast<int>(from[3])};
    const int h = static_cast<int>(to[1]), w = static_cast<int>(to[2]);
    const std::int64_t stored_size = from[1] * from[2] * from[3], size = to[1] * to[2] * to[3];
    const std::int32_t *sample = samples.data<std::int32_t>(), *words = key.data<std::int32_t>();
    const float *means = mean.data<float>(), *deviations = deviation.data<float>();
    const std::uint8_t* in = images.data<std::uint8_t>();
    T* out = y.data<T>();
#pragma omp parallel for if (y.size() > 1 << 12)
    for (std::int64_t i = 0; i < to[0]; ++i) {
      const ViewDraw draw = draw_view(words, sample[i], augmentation, stored, h, w);
      augment_view(in + (gathered ? i : sample[i]) * stored_size, stored, draw, augmentation, h, w, means, deviations, out + i * size);
    }
  });
}

}  // namespace pliant::kernels::cpu
