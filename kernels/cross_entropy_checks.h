// What the operations of cross_entropy.h require of their arguments, for every backend.
#pragma once

#include "kernels/tensor_checks.h"

namespace pliant::kernels {

inline void check_softmax(const char* op, const Tensor& z, const Tensor& p) {
  require_float(op, "z", z);
  PLIANT_REQUIRE(ShapeError, z.shape().rank() == 2 && z.shape()[1] > 0, op,
                 ": expected logits [N, C] with at least one class, got ", z);
  require_tensor(op, "p", p, z.shape(), z.dtype());
}

// p [N, C] stands for any tensor of the size of the logits.
inline void check_targets(const char* op, const Tensor& p, const Tensor& labels, const Tensor& soft_targets,
                          const Tensor& weights, double smoothing) {
  PLIANT_REQUIRE(ShapeError, static_cast<bool>(labels) != static_cast<bool>(soft_targets), op,
                 ": give labels or target distributions, one of the two");
  if (labels) require_tensor(op, "labels", labels, {p.shape()[0]}, DType::i32);
  if (soft_targets) require_tensor(op, "soft_targets", soft_targets, p.shape(), p.dtype());
  if (weights) require_tensor(op, "weights", weights, {p.shape()[0]}, p.dtype());
  PLIANT_REQUIRE(ConfigError, smoothing >= 0.0 && smoothing <= 1.0, op, ": label smoothing must lie in 0..1, got ",
                 smoothing);
  PLIANT_REQUIRE(ConfigError, labels || smoothing == 0.0, op, ": label smoothing ", smoothing,
                 " applies to labels; smooth the target distributions themselves");
}

inline void check_cross_entropy_forward(const Tensor& z, const Tensor& labels, const Tensor& soft_targets,
                                        const Tensor& weights, double smoothing, const Tensor& losses,
                                        const Tensor& p) {
  check_softmax("softmax_cross_entropy", z, p);
  check_targets("softmax_cross_entropy", p, labels, soft_targets, weights, smoothing);
  require_tensor("softmax_cross_entropy", "losses", losses, {z.shape()[0]}, z.dtype());
}

inline void check_cross_entropy_backward(const Tensor& dlosses, const Tensor& p, const Tensor& labels,
                                         const Tensor& soft_targets, const Tensor& weights, double smoothing,
                                         const Tensor& dz) {
  check_softmax("softmax_cross_entropy_backward", p, dz);
  check_targets("softmax_cross_entropy_backward", p, labels, soft_targets, weights, smoothing);
  require_tensor("softmax_cross_entropy_backward", "dlosses", dlosses, {p.shape()[0]}, p.dtype());
}

}  // namespace pliant::kernels
