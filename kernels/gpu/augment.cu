// A batch of training images from bytes. Grid (images, chunks of 4096 values): thread 0 of a block draws for its image,
// then every thread makes values of the result, neighbours next to each other. Per value one byte is read and four (f32)
// or two (bf16, f16) are written; the bytes of a row are read in order, or in reverse where flipped. Deterministic: what is drawn depends on
// the sample alone.
#include "kernels/augment.h"

#include "core/gpu/launch.h"
#include "kernels/augment_checks.h"
#include "kernels/augment_views.h"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kThreads = 256;
constexpr std::int64_t kChunk = 4096;

// images [M, h, w, c], or [N, h, w, c] where they are gathered, samples [N], mean, deviation [c], key [3], y [N, h, w, c]
template <class T>
__global__ void augment_kernel(const std::uint8_t* images, bool gathered, const std::int32_t* samples,
                               const float* mean, const float* deviation, const std::int32_t* key, Augmentation options,
                               AugmentSizes sizes, T* y) {
  __shared__ AugmentDraw draw;
  const std::int32_t sample = samples[blockIdx.x];
  if (threadIdx.x == 0) draw = draw_augmentation(key, sample, options, sizes);
  __syncthreads();
  const std::int64_t size = static_cast<std::int64_t>(sizes.h) * sizes.w * sizes.c, first = blockIdx.y * kChunk;
  const auto end = static_cast<int>(first + kChunk < size ? first + kChunk : size);
  const std::uint8_t* image = images + (gathered ? static_cast<std::int64_t>(blockIdx.x) : sample) * size;
  T* out = y + blockIdx.x * size;
  for (int i = static_cast<int>(first) + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(blockDim.x)) {
    const int k = i % sizes.c, column = i / sizes.c % sizes.w, row = i / sizes.c / sizes.w;
    const int from_row = row + draw.row_shift;
    const int from_column = (draw.flip ? sizes.w - 1 - column : column) + draw.column_shift;
    const bool inside = from_row >= 0 && from_row < sizes.h && from_column >= 0 && from_column < sizes.w;
    if (is_cut(draw, row, column) || (!inside && options.fill_with_mean)) {
      out[i] = from_float<T>(0.0f);
    } else {
      const std::uint8_t byte = inside ? image[(from_row * sizes.w + from_column) * sizes.c + k] : std::uint8_t{0};
      out[i] = from_float<T>(normalise(byte, mean[k], deviation[k]));
    }
  }
}

__global__ void gather_labels_kernel(const std::int32_t* values, const std::int32_t* samples, std::int32_t* y,
                                     std::int64_t n) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < n) y[i] = values[samples[i]];
}

void augment_images(const Tensor& images, bool gathered, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                    const Tensor& key, const Augmentation& augmentation, Tensor& y) {
  if (augmentation.framing != Framing::shifted || augmentation.jitters()) {
    return augment_views(images, gathered, samples, mean, deviation, key, augmentation, y);
  }
  if (y.size() == 0) return;
  const Shape& shape = y.shape();
  const AugmentSizes sizes{static_cast<int>(shape[1]), static_cast<int>(shape[2]), static_cast<int>(shape[3])};
  const std::int64_t image_size = y.size() / shape[0];
  dispatch_gpu(y.dtype(), "augment", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(augment_kernel<T>,
           dim3(static_cast<unsigned>(shape[0]), static_cast<unsigned>((image_size + kChunk - 1) / kChunk)), dim3(kThreads), 0,
           y.context().stream(), images.data<std::uint8_t>(), gathered, samples.data<std::int32_t>(), mean.data<float>(),
           deviation.data<float>(), key.data<std::int32_t>(), augmentation, sizes, y.data<T>());
  });
}

}  // namespace

void augment(const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
             const Tensor& key, const Augmentation& augmentation, Tensor& y) {
  check_augment(images, samples, mean, deviation, key, augmentation, y);
  augment_images(images, false, samples, mean, deviation, key, augmentation, y);
}

void augment_batch(const Tensor& images, const Tensor& samples, const Tensor& mean, const Tensor& deviation,
                   const Tensor& key, const Augmentation& augmentation, Tensor& y) {
  check_augment_batch(images, samples, mean, deviation, key, augmentation, y);
  augment_images(images, true, samples, mean, deviation, key, augmentation, y);
}

void gather_labels(const Tensor& values, const Tensor& samples, Tensor& y) {
  check_gather_labels(values, samples, y);
  launch_1d(gather_labels_kernel, y.size(), y.context().stream(), values.data<std::int32_t>(),
            samples.data<std::int32_t>(), y.data<std::int32_t>(), y.size());
}

}  // namespace pliant::kernels::gpu
