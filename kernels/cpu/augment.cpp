#include "kernels/augment.h"

#include <algorithm>
#include <vector>

#include "kernels/augment_checks.h"
#include "kernels/augment_views.h"
#include "kernels/cpu/through_f32.h"

namespace pliant::kernels::cpu {

namespace {

void require_samples(const char* op, const Tensor& samples, std::int64_t count) {
  const std::int32_t* sample = samples.data<std::int32_t>();
  for (std::int64_t i = 0; i < samples.size(); ++i) {
    PLIANT_REQUIRE(DataError, sample[i] >= 0 && sample[i] < count, op, ": samples[", i, "] = ", sample[i],
                   " is outside 0..", count - 1, " of the data set");
  }
}

// table[c * 256 + byte] is the normalised value.
template <class T>
std::vector<T> normalisation_table(const Tensor& mean, const Tensor& deviation) {
  std::vector<T> table(static_cast<std::size_t>(mean.size() * 256));
  for (std::size_t i = 0; i < table.size(); ++i) {
    table[i] = normalise(static_cast<std::uint8_t>(i % 256), static_cast<T>(mean.data<float>()[i / 256]),
                         static_cast<T>(deviation.data<float>()[i / 256]));
  }
  return table;
}

template <class T>
void fill_pixels(T* y, int count, const T* colour, int c) {
  for (int i = 0; i < count; ++i) y = std::copy_n(colour, c, y);
}

// One row of the result: the source row from column `shift` on, mirrored if asked; `outside` where there is none.
template <class T>
void augment_row(const std::uint8_t* row, int w, int c, int shift, bool flip, const T* table, const T* outside, T* y) {
  const int first = std::clamp(-shift, 0, w), last = std::clamp(w - shift, first, w);  // columns that lie in the source
  fill_pixels(y + (flip ? w - first : 0) * c, first, outside, c);
  fill_pixels(y + (flip ? 0 : last) * c, w - last, outside, c);
  for (int i = first; i < last; ++i) {
    const std::uint8_t* in = row + (i + shift) * c;
    T* out = y + (flip ? w - 1 - i : i) * c;
    for (int k = 0; k < c; ++k) out[k] = table[k * 256 + in[k]];
  }
}

template <class T>
void augment_image(const std::uint8_t* image, const AugmentSizes& sizes, const AugmentDraw& draw, const T* table,
                   const T* outside, T* y) {
  const auto [h, w, c] = sizes;
  for (int i = 0; i < h; ++i) {
    T* out = y + static_cast<std::int64_t>(i) * w * c;
    const int from = i + draw.row_shift;
    if (from < 0 || from >= h) {
      fill_pixels(out, w, outside, c);
    } else {
      augment_row(image + static_cast<std::int64_t>(from) * w * c, w, c, draw.column_shift, draw.flip != 0, table,
                  outside, out);
    }
  }
  const int left = std::max(draw.cut_left, 0), right = std::min(draw.cut_right, w);
  for (int i = std::max(draw.cut_top, 0); i < std::min(draw.cut_bottom, h); ++i) {
    if (left < right) std::fill_n(y + (static_cast<std::int64_t>(i) * w + left) * c, (right - left) * c, T(0));
  }
}

// gathered: images[n] is that of samples[n] already.
void augment_images(const Tensor& images, bool gathered, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                    const Tensor& key, const Augmentation& augmentation, Tensor& y) {
  if (augmentation.framing != Framing::shifted || augmentation.jitters()) {
    return augment_views(images, gathered, samples, mean, deviation, key, augmentation, y);
  }
  dispatch_cpu(y.dtype(), "augment", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const Shape& shape = y.shape();
    const AugmentSizes sizes{static_cast<int>(shape[1]), static_cast<int>(shape[2]), static_cast<int>(shape[3])};
    const std::int64_t image_size = shape[1] * shape[2] * shape[3];
    const std::vector<T> table = normalisation_table<T>(mean, deviation);
    std::vector<T> outside(static_cast<std::size_t>(sizes.c), T(0));
    for (std::size_t k = 0; k < outside.size() && !augmentation.fill_with_mean; ++k) outside[k] = table[k * 256];
    const std::uint8_t* from = images.data<std::uint8_t>();
    const std::int32_t *sample = samples.data<std::int32_t>(), *words = key.data<std::int32_t>();
    T* out = y.data<T>();
#pragma omp parallel for if (y.size() > 1 << 14)
    for (std::int64_t i = 0; i < shape[0]; ++i) {
      const AugmentDraw draw = draw_augmentation(words, sample[i], augmentation, sizes);
      augment_image(from + (gathered ? i : sample[i]) * image_size, sizes, draw, table.data(), outside.data(), out + i * image_size);
    }
  });
}

}  // namespace

void augment(const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
             const Tensor& key, const Augmentation& augmentation, Tensor& y) {
  check_augment(images, samples, mean, deviation, key, augmentation, y);
  require_samples("augment", samples, images.shape()[0]);
  if (is_16_bit(y.dtype())) return through_f32(augment, images, samples, mean, deviation, key, augmentation, y);
  augment_images(images, false, samples, mean, deviation, key, augmentation, y);
}

void augment_batch(const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                   const Tensor& key, const Augmentation& augmentation, Tensor& y) {
  check_augment_batch(images, samples, mean, deviation, key, augmentation, y);
  require_samples("augment_batch", samples, std::int64_t{1} << 31);
  if (is_16_bit(y.dtype())) return through_f32(augment_batch, images, samples, mean, deviation, key, augmentation, y);
  augment_images(images, true, samples, mean, deviation, key, augmentation, y);
}

void gather_labels(const Tensor& values, const Tensor& samples, Tensor& y) {
  check_gather_labels(values, samples, y);
  require_samples("gather_labels", samples, values.size());
  const std::int32_t *value = values.data<std::int32_t>(), *sample = samples.data<std::int32_t>();
  std::int32_t* out = y.data<std::int32_t>();
  for (std::int64_t i = 0; i < samples.size(); ++i) out[i] = value[sample[i]];
}

}  // namespace pliant::kernels::cpu
