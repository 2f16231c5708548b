// Bilinear resizing with half-pixel centres: a thread makes one value of the result from four of the source, first
// down, then across, as on the CPU; neighbours take neighbouring channels. The four are mostly in the caches: b (x + y)
// bytes for elements of b bytes. Deterministic.
#include "kernels/resize.h"

#include "core/gpu/launch.h"
#include "kernels/resize_formula.h"

namespace pliant::kernels::gpu {

namespace {

// x [n, h, w, c], y [n, p, q, c], size = n p q c
template <class T>
__global__ void bilinear_resize_kernel(const T* x, std::int32_t h, std::int32_t w, std::int32_t c, std::int32_t p,
                                       std::int32_t q, T* y, std::int64_t size) {
  const std::int64_t t = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (t >= size) return;
  const std::int64_t pixel = t / c, line = pixel / q;
  const Tap<float> down = bilinear_tap<float>(static_cast<std::int32_t>(line % p), p, h);
  const Tap<float> across = bilinear_tap<float>(static_cast<std::int32_t>(pixel - line * q), q, w);
  const T* image = x + line / p * h * w * c + (t - pixel * c);
  const auto column = [&](std::int32_t at) {
    const float upper = to_float(image[(static_cast<std::int64_t>(down.first) * w + at) * c]);
    const float lower = to_float(image[(static_cast<std::int64_t>(down.second) * w + at) * c]);
    return blend(upper, lower, down.share);
  };
  y[t] = from_float<T>(blend(column(across.first), column(across.second), across.share));
}

}  // namespace

void bilinear_resize(const Tensor& x, Tensor& y) {
  check_bilinear_resize(x, y);
  dispatch_gpu(x.dtype(), "bilinear_resize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(bilinear_resize_kernel<T>, y.size(), x.context().stream(), x.data<T>(), x.shape()[1], x.shape()[2], x.shape()[3],
              y.shape()[1], y.shape()[2], y.data<T>(), y.size());
  });
}

}  // namespace pliant::kernels::gpu
