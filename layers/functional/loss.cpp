#include "kernels/cross_entropy.h"
#include "kernels/hinge.h"
#include "kernels/reduce.h"
#include "layers/functional.h"

namespace pliant {

Var cross_entropy(const Var& logits, const Targets& targets) {
  const Tensor& z = logits.value;
  PLIANT_REQUIRE(ShapeError, z.shape().rank() == 2 && z.size() > 0,
                 "cross_entropy: expected logits [N, C] of at least one sample, got ", z);
  const std::int64_t n = z.shape()[0];
  Tensor losses(z.context(), {n}, z.dtype()), p = Tensor::like(z), mean = Tensor::zeros(z.context(), {1}, z.dtype());
  kernels::softmax_cross_entropy_forward(z, targets.labels, targets.distributions, targets.weights, targets.smoothing,
                                         losses, p);
  const double share = 1.0 / static_cast<double>(n);
  kernels::accumulate_sum(losses, share, mean);
  return record("cross_entropy", {&logits}, mean,
                [in = logits.slot, p, targets, share](const Tensor& dy, Gradients& grads) {
                  Tensor dlosses(p.context(), {p.shape()[0]}, p.dtype()), dz = Tensor::like(p);
                  kernels::broadcast(dy, share, dlosses);
                  kernels::softmax_cross_entropy_backward(dlosses, p, targets.labels, targets.distributions,
                                                          targets.weights, targets.smoothing, dz);
                  grads.add(in, std::move(dz));
                });
}

Var squared_hinge(const Var& logits, const Tensor& labels) {
  const Tensor& z = logits.value;
  PLIANT_REQUIRE(ShapeError, z.shape().rank() == 2 && z.size() > 0,
                 "squared_hinge: expected logits [N, C] of at least one sample, got ", z);
  const std::int64_t n = z.shape()[0];
  Tensor losses(z.context(), {n}, z.dtype()), mean = Tensor::zeros(z.context(), {1}, z.dtype());
  kernels::squared_hinge_forward(z, labels, losses);
  const double share = 1.0 / static_cast<double>(n);
  kernels::accumulate_sum(losses, share, mean);
  return record("squared_hinge", {&logits}, mean, [in = logits.slot, z, labels, share](const Tensor& dy, Gradients& grads) {
    Tensor dlosses(z.context(), {z.shape()[0]}, z.dtype()), dz = Tensor::like(z);
    kernels::broadcast(dy, share, dlosses);
    kernels::squared_hinge_backward(dlosses, z, labels, dz);
    grads.add(in, std::move(dz));
  });
}

}  // namespace pliant
