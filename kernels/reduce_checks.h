// What the operations of reduce.h require of their arguments, for every backend.
#pragma once

#include "kernels/arena_checks.h"
#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline void check_accumulate_sum(const Tensor& x, const Tensor& y) {
  require_float("accumulate_sum", "x", x);
  require_tensor("accumulate_sum", "y", y, {1}, x.dtype());
}

inline void check_accumulate_dot(const Tensor& a, const Tensor& b, const Tensor& y) {
  require_storage("accumulate_dot", "a", a);
  require_tensor("accumulate_dot", "b", b, a.shape(), a.dtype());
  require_tensor("accumulate_dot", "y", y, {1}, accumulation_dtype(a.dtype()));
}

inline void check_broadcast(const Tensor& x, const Tensor& y) {
  require_float("broadcast", "y", y);
  require_tensor("broadcast", "x", x, {1}, y.dtype());
}

inline void check_rows(const char* op, const Tensor& x) {
  require_float(op, "x", x);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() == 2 && x.shape()[1] > 0, op,
                 ": expected [N, C] with at least one column, got ", x);
}

inline void check_argmax(const Tensor& x, const Tensor& y) {
  check_rows("argmax", x);
  require_tensor("argmax", "y", y, {x.shape()[0]}, DType::i32);
}

inline void check_count_correct(const Tensor& logits, const Tensor& labels, const Tensor& count) {
  check_rows("count_correct", logits);
  require_tensor("count_correct", "labels", labels, {logits.shape()[0]}, DType::i32);
  require_tensor("count_correct", "count", count, {1}, DType::i32);
}

inline void check_count_top(const Tensor& logits, const Tensor& labels, int k, const Tensor& count) {
  check_rows("count_top", logits);
  require_tensor("count_top", "labels", labels, {logits.shape()[0]}, DType::i32);
  require_tensor("count_top", "count", count, {1}, DType::i32);
  PLIANT_REQUIRE(ConfigError, k >= 1, "count_top: k must be at least 1, got ", k);
}

inline void check_segment_abs_sums(const Tensor& x, const Tensor& starts, const Tensor& sums) {
  require_float("segment_abs_sums", "x", x);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() == 1 && x.size() % kArenaSegment == 0,
                 "segment_abs_sums: x must be [P], P a multiple of ", kArenaSegment, ", got ", x);
  require_rank("segment_abs_sums", "sums", sums, 1);
  require_tensor("segment_abs_sums", "sums", sums, sums.shape(), x.dtype());
  require_tensor("segment_abs_sums", "starts", starts, {sums.size() + 1}, DType::i32);
}

}  // namespace pliant::kernels
