#include "kernels/step_input.h"

#include <algorithm>

#include "kernels/step_input_checks.h"

namespace pliant::kernels::cpu {

void take_step(const Tensor& table, const Tensor& order, std::int64_t stride, Tensor& position, Tensor& scalars, Tensor& samples) {
  check_take_step(table, order, stride, position, scalars, samples);
  const std::int64_t t = *position.data<std::int32_t>(), steps = table.shape()[0], n = samples.size();
  PLIANT_REQUIRE(DataError, t >= 0 && t < steps && t * stride + n <= order.size(), "take_step: step ", t, " with ", n, " samples; the tables have ",
                 steps, " steps and ", order.size(), " samples");
  std::copy_n(table.data<double>() + t * scalars.size(), scalars.size(), scalars.data<double>());
  std::copy_n(order.data<std::int32_t>() + t * stride, n, samples.data<std::int32_t>());
  *position.data<std::int32_t>() = static_cast<std::int32_t>(t + 1);
}

}  // namespace pliant::kernels::cpu
