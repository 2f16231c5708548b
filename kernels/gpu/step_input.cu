// The part of one step in the tables of an epoch: one block, since whoever moves the position on must come after all who read it. 4
// bytes read and written per sample, 8 per scalar. Deterministic.
#include "kernels/step_input.h"

#include "core/gpu/launch.h"
#include "kernels/step_input_checks.h"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kThreads = 256;

// table [steps, count], order [size], position [1], scalars [count], samples [n]
__global__ void take_step_kernel(const double* table, const std::int32_t* order, std::int64_t steps, std::int64_t size, std::int64_t stride,
                                 std::int32_t* position, double* scalars, std::int64_t count, std::int32_t* samples, std::int64_t n) {
  const std::int64_t t = position[0];
  const bool inside = t >= 0 && t < steps && t * stride + n <= size;
  for (std::int64_t i = threadIdx.x; i < count; i += blockDim.x) scalars[i] = inside ? table[t * count + i] : static_cast<double>(NAN);
  for (std::int64_t i = threadIdx.x; i < n; i += blockDim.x) samples[i] = inside ? order[t * stride + i] : 0;
  __syncthreads();
  if (threadIdx.x == 0) position[0] = static_cast<std::int32_t>(t + 1);
}

}  // namespace

void take_step(const Tensor& table, const Tensor& order, std::int64_t stride, Tensor& position, Tensor& scalars, Tensor& samples) {
  check_take_step(table, order, stride, position, scalars, samples);
  launch(take_step_kernel, dim3(1), dim3(kThreads), 0, table.context().stream(), table.data<double>(), order.data<std::int32_t>(),
         table.shape()[0], order.size(), stride, position.data<std::int32_t>(), scalars.data<double>(), scalars.size(),
         samples.data<std::int32_t>(), samples.size());
}

}  // namespace pliant::kernels::gpu
