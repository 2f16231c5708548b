// Adds partial sums in a fixed order, one thread per sum. Bytes per sum: 4 (parts + 2). Deterministic.
#include "kernels/gpu/partial_sums.h"

#include "core/gpu/launch.h"

namespace pliant::kernels::gpu {

namespace {

__global__ void add_partial_sums_kernel(const float* __restrict__ partials, std::int64_t parts, std::int64_t size,
                                        float* __restrict__ sums) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  float sum = 0.0f;
  for (std::int64_t part = 0; part < parts; ++part) sum += partials[part * size + i];
  sums[i] += sum;
}

}  // namespace

void add_partial_sums(const Tensor& partials, Tensor& sums) {
  PLIANT_REQUIRE(ShapeError, sums.size() > 0 && partials.size() % sums.size() == 0, "add_partial_sums: partials ", partials.shape(),
                 " and sums ", sums.shape());
  launch_1d(add_partial_sums_kernel, sums.size(), sums.context().stream(), partials.data<float>(),
                   partials.size() / sums.size(), sums.size(), sums.data<float>());
}

}  // namespace pliant::kernels::gpu
