// Adds a bias to every row, one thread per element. Bytes per f32 element: 8. Deterministic.
#include "kernels/gpu/channel_bias.h"

#include "core/gpu/launch.h"

namespace pliant::kernels::gpu {

namespace {

template <class T>
__global__ void add_channel_bias_kernel(const float* __restrict__ bias, std::int64_t channels, std::int64_t size,
                                        T* __restrict__ y) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i < size) y[i] = from_float<T>(to_float(y[i]) + bias[i % channels]);
}

}  // namespace

void add_channel_bias(const Tensor& bias, Tensor& y) {
  PLIANT_REQUIRE(ShapeError, bias.size() > 0 && y.size() % bias.size() == 0, "add_channel_bias: bias ", bias.shape(), ", y ", y.shape());
  dispatch_gpu(y.dtype(), "add_channel_bias", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(add_channel_bias_kernel<T>, y.size(), y.context().stream(), bias.data<float>(), bias.size(), y.size(), y.data<T>());
  });
}

}  // namespace pliant::kernels::gpu
