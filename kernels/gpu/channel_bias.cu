// Adds a bias to every row, one thread per element. Bytes per element: 8. Deterministic.
#include "kernels/gpu/channel_bias.h"

#include "core/gpu/launch.h"

namespace pliant::kernels::gpu {

namespace {

__global__ void add_channel_bias_kernel(const float* __restrict__ bias, std::int64_t channels, std::int64_t size,
                                        float* __restrict__ y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] += bias[i % channels];
}

}  // namespace

void add_channel_bias(const Tensor& bias, Tensor& y) {
  PLIANT_REQUIRE(ShapeError, bias.size() > 0 && y.size() % bias.size() == 0, "add_channel_bias: bias ", bias.shape(), ", y ", y.shape());
  launch_1d(add_channel_bias_kernel, y.size(), y.context().stream(), bias.data<float>(), bias.size(), y.size(),
                   y.data<float>());
}

}  // namespace pliant::kernels::gpu
