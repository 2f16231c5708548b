// Dropout by Philox: a thread draws once and treats four neighbouring elements of a sample. No mask is stored; the
// gradient draws again. 8 bytes per f32 element. Deterministic, and the same bits as on the CPU.
#include "kernels/dropout.h"

#include "core/gpu/launch.h"
#include "kernels/dropout_formula.h"

namespace pliant::kernels::gpu {

namespace {

// x, y [n, length], key [3], samples [n]; groups = ceil(length / 4)
template <class T>
__global__ void dropout_kernel(const T* x, const std::int32_t* key, const std::int32_t* samples, int layer,
                               std::uint32_t threshold, float scale, std::int64_t length, std::int64_t groups, T* y,
                               std::int64_t threads) {
  const std::int64_t t = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (t >= threads) return;
  const std::int64_t row = t / groups, group = t % groups;
  const unsigned kept = kept_elements(key, samples[row], layer, static_cast<std::uint32_t>(group), threshold);
  const std::int64_t first = row * length + 4 * group, left = length - 4 * group;
  for (int i = 0; i < 4 && i < left; ++i) {
    y[first + i] = from_float<T>(kept >> i & 1u ? scale * to_float(x[first + i]) : 0.0f);
  }
}

}  // namespace

void dropout(const Tensor& x, const Tensor& key, const Tensor& samples, int layer, double p, Tensor& y) {
  check_dropout(x, key, samples, layer, p, y);
  if (x.size() == 0) return;
  const std::int64_t n = x.shape()[0], length = x.size() / n, groups = (length + 3) / 4;
  dispatch_gpu(x.dtype(), "dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(dropout_kernel<T>, n * groups, x.context().stream(), x.data<T>(), key.data<std::int32_t>(), samples.data<std::int32_t>(),
              layer, dropout_threshold(p), 1.0 / (1.0 - p), length, groups, y.data<T>(), n * groups);
  });
}

}  // namespace pliant::kernels::gpu
