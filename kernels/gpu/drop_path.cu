// Drop path: blocks along x take the samples, along y parts of a sample. Every thread draws the gate of its sample
// again, which is cheaper than passing it on. 8 bytes per f32 element of a row that is kept, 4 of one that is not.
// Deterministic, and the same bits as on the CPU.
#include "kernels/drop_path.h"

#include "core/gpu/launch.h"
#include "kernels/drop_path_formula.h"

namespace pliant::kernels::gpu {

namespace {

constexpr std::int64_t kThreads = 256, kPerThread = 8, kMostParts = 1024;

// x, y [gridDim.x, length], key [3], samples [gridDim.x]
template <class T>
__global__ void drop_rows_kernel(const T* x, const std::int32_t* key, const std::int32_t* samples, int block,
                                 std::uint32_t threshold, float factor, std::int64_t length, T* y) {
  const std::int64_t row = blockIdx.x, step = static_cast<std::int64_t>(gridDim.y) * blockDim.x;
  const bool kept = row_survives(key, samples[row], block, threshold);
  const T* in = x + row * length;
  T* out = y + row * length;
  for (std::int64_t i = static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x; i < length; i += step) {
    out[i] = from_float<T>(kept ? factor * to_float(in[i]) : 0.0f);
  }
}

}  // namespace

void drop_rows(const Tensor& x, const Tensor& key, const Tensor& samples, int block, double survival, double factor,
               Tensor& y) {
  check_drop_rows(x, key, samples, block, survival, factor, y);
  if (x.size() == 0) return;
  const std::int64_t n = x.shape()[0], length = x.size() / n, wanted = (length - 1) / (kThreads * kPerThread) + 1,
                     parts = wanted < kMostParts ? wanted : kMostParts;
  dispatch_gpu(x.dtype(), "drop_rows", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(drop_rows_kernel<T>, dim3(static_cast<unsigned>(n), static_cast<unsigned>(parts)), dim3(static_cast<unsigned>(kThreads)), 0,
           x.context().stream(), x.data<T>(), key.data<std::int32_t>(), samples.data<std::int32_t>(), block,
           survival_threshold(survival), factor, length, y.data<T>());
  });
}

}  // namespace pliant::kernels::gpu
