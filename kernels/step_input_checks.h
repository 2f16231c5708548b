// What take_step requires of its arguments, for every backend. The position lies in device memory: the CPU checks it, the kernel
// stays inside the tables whatever it is.
#pragma once

#include "kernels/step_input.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline void check_take_step(const Tensor& table, const Tensor& order, std::int64_t stride, const Tensor& position, const Tensor& scalars,
                            const Tensor& samples) {
  constexpr const char* op = "take_step";
  require_rank(op, "table", table, 2);
  require_tensor(op, "table", table, table.shape(), DType::f64);
  require_rank(op, "order", order, 1);
  require_tensor(op, "order", order, order.shape(), DType::i32);
  require_tensor(op, "position", position, {1}, DType::i32);
  require_tensor(op, "scalars", scalars, {table.shape()[1]}, DType::f64);
  require_rank(op, "samples", samples, 1);
  require_tensor(op, "samples", samples, samples.shape(), DType::i32);
  PLIANT_REQUIRE(ShapeError, stride >= 1 && samples.size() <= stride, op, ": ", samples.size(), " samples in a step of ", stride);
}

}  // namespace pliant::kernels
