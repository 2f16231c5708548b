// Squared hinge, one warp per row of C logits, four rows a block: losses[n] = sum over c of max(0, 1 - t z[n,c])^2 and
// dz = -2 dlosses t max(0, 1 - t z). Bytes: forward 4 N C, backward 8 N C. Sums in a fixed order, deterministic.
#include "kernels/hinge.h"

#include "core/gpu/launch.h"
#include "kernels/gpu/warp.cuh"
#include "kernels/hinge_formula.h"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kWarps = 4;

// z [n, c], labels, losses [n]
__global__ void squared_hinge_kernel(const float* z, const std::int32_t* labels, std::int64_t n, std::int32_t c,
                                     float* losses) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= n) return;
  const std::int32_t label = labels[row];
  float sum = 0.0f;
  for (auto j = static_cast<std::int32_t>(threadIdx.x % 32); j < c; j += 32) {
    const float margin = hinge_margin(z[row * c + j], j == label);
    sum += margin * margin;
  }
  sum = warp_sum(sum);
  if (threadIdx.x % 32 == 0) losses[row] = label >= 0 && label < c ? sum : nanf("");
}

// dlosses, labels [n], z, dz [n, c]
__global__ void squared_hinge_backward_kernel(const float* dlosses, const float* z, const std::int32_t* labels,
                                              std::int64_t n, std::int32_t c, float* dz) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= n) return;
  const std::int32_t label = labels[row];
  const float scale = label >= 0 && label < c ? dlosses[row] : nanf("");
  for (auto j = static_cast<std::int32_t>(threadIdx.x % 32); j < c; j += 32) {
    dz[row * c + j] = scale * hinge_slope(z[row * c + j], j == label);
  }
}

dim3 warp_grid(std::int64_t rows) { return dim3(static_cast<unsigned>((rows + kWarps - 1) / kWarps)); }

}  // namespace

void squared_hinge_forward(const Tensor& z, const Tensor& labels, Tensor& losses) {
  check_squared_hinge("squared_hinge_forward", z, labels, "losses", losses);
  if (z.size() == 0) return;
  launch(squared_hinge_kernel, warp_grid(z.shape()[0]), dim3(32 * kWarps), 0, z.context().stream(), z.data<float>(),
         labels.data<std::int32_t>(), z.shape()[0], z.shape()[1], losses.data<float>());
}

void squared_hinge_backward(const Tensor& dlosses, const Tensor& z, const Tensor& labels, Tensor& dz) {
  check_squared_hinge_backward(dlosses, z, labels, dz);
  if (z.size() == 0) return;
  launch(squared_hinge_backward_kernel, warp_grid(z.shape()[0]), dim3(32 * kWarps), 0, z.context().stream(),
         dlosses.data<float>(), z.data<float>(), labels.data<std::int32_t>(), z.shape()[0], z.shape()[1],
         dz.data<float>());
}

}  // namespace pliant::kernels::gpu
