#include "train/exit_losses.h"

#include "core/memory_ops.h"
#include "kernels/cross_entropy.h"
#include "kernels/reduce.h"
#include "layers/functional.h"

namespace pliant {

std::vector<Tensor> soft_targets(const std::vector<Var>& logits) {
  std::vector<Tensor> targets;
  for (const Var& z : logits) {
    Tensor p = Tensor::like(z.value);
    kernels::softmax(z.value, p);
    targets.push_back(p);
  }
  return targets;
}

namespace {

Var own_loss(const Var& logits, const ExitTargets& targets, std::size_t exit, const DynamicOptions& options) {
  if (!targets.teacher.empty()) return cross_entropy(logits, {.distributions = targets.teacher[exit]});
  if (options.exit_loss == "squared-hinge") return squared_hinge(logits, targets.labels);
  return cross_entropy(logits, {.labels = targets.labels, .smoothing = targets.smoothing});
}

}  // namespace

std::vector<Tape::Root> exit_losses(const std::vector<Var>& logits, const ExitTargets& targets, const DynamicOptions& options, Tensor& loss_sum) {
  PLIANT_INVARIANT(targets.weights.size() == logits.size() && !logits.empty(), "one weight for every exit that ran");
  const std::int64_t n = logits[0].value.shape()[0], classes = logits[0].value.shape()[1];
  const double per_class = options.loss_per_class ? 1.0 / static_cast<double>(classes) : 1.0;
  const Tensor last = options.distill_exits > 0.0 && logits.size() > 1 ? soft_targets({logits.back()})[0] : Tensor();
  std::vector<Tape::Root> roots;
  Tensor start;  // no tensor: ones
  if (targets.loss_scale != 1.0) {
    start = Tensor::like(loss_sum);
    kernels::fill(start, targets.loss_scale);
  }
  const auto add_root = [&](const Var& loss, double weight) {
    kernels::accumulate_sum(loss.value, weight * static_cast<double>(n), loss_sum);
    roots.push_back({scale(loss, weight), start});
  };
  for (std::size_t exit = 0; exit < logits.size(); ++exit) {
    const double weight = targets.weights[exit] * per_class, share = last && exit + 1 < logits.size() ? options.distill_exits : 0.0;
    if (share < 1.0) add_root(own_loss(logits[exit], targets, exit, options), weight * (1.0 - share));
    if (share > 0.0) add_root(cross_entropy(logits[exit], {.distributions = last}), weight * share);
  }
  return roots;
}

}  // namespace pliant
