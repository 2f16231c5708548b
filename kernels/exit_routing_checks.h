// What leave_rows requires of its arguments, for every backend.
#pragma once

#include <limits>

#include "kernels/exit_routing.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline void check_leave_rows(const Tensor& scores, const Tensor& predictions, const Tensor& samples, const Tensor& rows, const Tensor& left,
                             const Tensor& kept, const Tensor& staying, const Tensor& count, const Tensor& classes, const Tensor& exits) {
  const char* op = "leave_rows";
  require_rank(op, "samples", samples, 1);
  PLIANT_REQUIRE(ShapeError, samples.size() <= std::numeric_limits<std::int32_t>::max(), op, ": ", samples.size(), " rows do not fit 32-bit indices");
  if (scores) {
    require_float(op, "scores", scores);
    require_tensor(op, "scores", scores, samples.shape(), scores.dtype());
  }
  const std::pair<const char*, const Tensor*> lists[] = {
      {"samples", &samples}, {"predictions", &predictions}, {"left", &left}, {"kept", &kept}, {"staying", &staying}};
  for (const auto& [name, list] : lists) require_tensor(op, name, *list, samples.shape(), DType::i32);
  require_tensor(op, "rows", rows, {1}, DType::i32);
  require_tensor(op, "count", count, {1}, DType::i32);
  require_rank(op, "classes", classes, 1);
  require_tensor(op, "classes", classes, classes.shape(), DType::i32);
  require_tensor(op, "exits", exits, classes.shape(), DType::i32);
}

}  // namespace pliant::kernels
