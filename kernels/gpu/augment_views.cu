// Training images that are resampled, or whose colours change. A pixel needs (2 s + 1)^2 bytes a channel around its place, s the factor by which
// the frame shrinks (1 where it grows); neighbours share most of them in the caches. Grid (images, chunks of 1024 pixels) x 256 threads, thread 0
// of a block draws for its image. Changing the contrast needs the mean grey of the image, so a block per image computes that first, and
// every pixel is resampled twice. Sums in a fixed order: deterministic. What is drawn is computed in double, so that it is what the CPU draws.
#include "kernels/augment_views.h"

#include "core/gpu/launch.h"
#include "kernels/gpu/warp.cuh"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kThreads = 256;
constexpr std::int64_t kChunk = 1024;

struct Views {
  const std::uint8_t* images;   // [M, stored.h, stored.w, c], or [N, ...] where they are gathered
  bool gathered;
  const std::int32_t* samples;  // [N]
  const float *mean, *deviation;  // [c]
  const std::int32_t* key;      // [3]
  Augmentation options;
  AugmentSizes stored;
  int h, w;
};

__device__ const std::uint8_t* image_of(const Views& views, std::int64_t n) {
  const std::int64_t size = static_cast<std::int64_t>(views.stored.h) * views.stored.w * views.stored.c;
  return views.images + (views.gathered ? n : views.samples[n]) * size;
}

// grey[n] = the mean of image n when its contrast is changed.  Block n; grey [N]
__global__ void grey_mean_kernel(Views views, float* grey) {
  __shared__ ViewDraw draw;
  if (threadIdx.x == 0) draw = draw_view(views.key, views.samples[blockIdx.x], views.options, views.stored, views.h, views.w);
  __syncthreads();
  const std::uint8_t* image = image_of(views, blockIdx.x);
  const int pixels = views.h * views.w;
  float sum = 0.0f;
  for (int i = static_cast<int>(threadIdx.x); i < pixels; i += static_cast<int>(blockDim.x)) {
    float colour[3];
    shown_pixel(image, views.stored, draw, views.options, views.h, views.w, i / views.w, i % views.w, views.mean, colour);
    change_colour(draw.colour, views.options, true, 0.0f, colour, views.stored.c);
    sum += grey_of(colour, views.stored.c);
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) grey[blockIdx.x] = sum / static_cast<float>(pixels);
}

// y [N, h, w, c]; grey [N], read where contrast changes
template <class T>
__global__ void augment_views_kernel(Views views, const float* grey, T* y) {
  __shared__ ViewDraw draw;
  if (threadIdx.x == 0) draw = draw_view(views.key, views.samples[blockIdx.x], views.options, views.stored, views.h, views.w);
  __syncthreads();
  const std::uint8_t* image = image_of(views, blockIdx.x);
  const float grey_mean = views.options.contrast > 0.0 ? grey[blockIdx.x] : 0.0f;
  const std::int64_t pixels = static_cast<std::int64_t>(views.h) * views.w, first = blockIdx.y * kChunk;
  const auto end = static_cast<int>(first + kChunk < pixels ? first + kChunk : pixels);
  const int c = views.stored.c;
  for (int i = static_cast<int>(first) + static_cast<int>(threadIdx.x); i < end; i += static_cast<int>(blockDim.x)) {
    const int row = i / views.w, column = i % views.w;
    float colour[3];
    shown_pixel(image, views.stored, draw, views.options, views.h, views.w, row, column, views.mean, colour);
    change_colour(draw.colour, views.options, false, grey_mean, colour, c);
    const bool cut = is_cut(draw.shift, row, column);
    T* out = y + (blockIdx.x * pixels + i) * c;
    for (int k = 0; k < c; ++k) out[k] = from_float<T>(cut ? 0.0f : (colour[k] - views.mean[k]) / views.deviation[k]);
  }
}

}  // namespace

void augment_views(const Tensor& images, bool gathered, const Tensor& samples, const Tensor& mean, const Tensor& deviation, const Tensor& key,
                   const Augmentation& augmentation, Tensor& y) {
  if (y.size() == 0) return;
  const Shape &from = images.shape(), &to = y.shape();
  const Views views{images.data<std::uint8_t>(), gathered, samples.data<std::int32_t>(), mean.data<float>(), deviation.data<float>(),
                    key.data<std::int32_t>(), augmentation,
                    {static_cast<int>(from[1]), static_cast<int>(from[2]), static_cast<int>(from[3])}, static_cast<int>(to[1]), static_cast<int>(to[2])};
  Tensor grey;
  const auto n = static_cast<unsigned>(to[0]);
  if (augmentation.contrast > 0.0) {
    grey = Tensor(y.context(), {to[0]});
    launch(grey_mean_kernel, dim3(n), dim3(kThreads), 0, y.context().stream(), views, grey.data<float>());
  }
  dispatch_gpu(y.dtype(), "augment", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(augment_views_kernel<T>, dim3(n, static_cast<unsigned>((to[1] * to[2] + kChunk - 1) / kChunk)), dim3(kThreads), 0, y.context().stream(), views,
           grey ? static_cast<const float*>(grey.data<float>()) : nullptr, y.data<T>());
  });
}

}  // namespace pliant::kernels::gpu
