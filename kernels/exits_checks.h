// What the operations of exits.h require of their arguments, for every backend. Indices lie in device memory: the CPU
// checks them, kernels leave out those that do not fit.
#pragma once

#include <limits>

#include "kernels/exits.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline void check_confidence(const Tensor& logits, const Tensor& scores, const Tensor& predictions) {
  require_float("confidence", "logits", logits);
  PLIANT_REQUIRE(ShapeError, logits.shape().rank() == 2 && logits.shape()[1] > 0, "confidence: expected logits [N, C] with at least one class, got ",
                 logits);
  require_tensor("confidence", "scores", scores, {logits.shape()[0]}, logits.dtype());
  require_tensor("confidence", "predictions", predictions, {logits.shape()[0]}, DType::i32);
}

inline void check_compact_rows(const Tensor& scores, const Tensor& kept, const Tensor& left, const Tensor& count) {
  require_float("compact_rows", "scores", scores);
  require_rank("compact_rows", "scores", scores, 1);
  PLIANT_REQUIRE(ShapeError, scores.size() <= std::numeric_limits<std::int32_t>::max(), "compact_rows: ", scores.size(),
                 " rows do not fit 32-bit indices");
  require_tensor("compact_rows", "kept", kept, scores.shape(), DType::i32);
  require_tensor("compact_rows", "left", left, scores.shape(), DType::i32);
  require_tensor("compact_rows", "count", count, {1}, DType::i32);
}

// `few` [M, ...] and `many` [N, ...] differ in the number of rows alone.
inline void check_moved_rows(const char* op, const Tensor& few, const Tensor& index, const Tensor& many) {
  PLIANT_REQUIRE(ShapeError, few && many, op, ": x and y are both needed");
  if (few.dtype() != DType::i32) require_storage(op, "x", few);
  PLIANT_REQUIRE(ShapeError, few.shape().rank() >= 1, op, ": expected [M, ...], got ", few);
  require_tensor(op, "index", index, {few.shape()[0]}, DType::i32);
  Shape like_few = many.shape();
  if (like_few.rank() >= 1) like_few.set(0, few.shape()[0]);
  PLIANT_REQUIRE(ShapeError, like_few == few.shape() && many.dtype() == few.dtype(), op, ": rows of ", few, " and ", many, " differ");
}

}  // namespace pliant::kernels
