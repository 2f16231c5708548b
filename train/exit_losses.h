// The losses of a training pass: one for every exit that ran, with its weight.
#pragma once

#include <vector>

#include "core/tape.h"
#include "train/dynamic_options.h"

namespace pliant {

struct ExitTargets {
  Tensor labels;                // [N] i32
  double smoothing = 0.0;
  std::vector<Tensor> teacher;  // softmax [N, C] per exit that ran, in place of the labels; or empty
  std::vector<double> weights;  // per exit that ran
  double loss_scale = 1.0;      // gradients start as this instead of 1
};

// The roots from which a pass goes backward: weight_i loss_i of each exit i. Adds N times their sum to loss_sum [1].
// loss_i is the mean over the batch of the softmax cross-entropy (or the squared hinge) with the labels or the teacher; where
// exits are distilled, exits before the last one that ran have (1 - a) of it and a times the cross-entropy with that exit's softmax,
// which is a constant: no gradient flows into a teacher.
std::vector<Tape::Root> exit_losses(const std::vector<Var>& logits, const ExitTargets& targets, const DynamicOptions& options, Tensor& loss_sum);

// softmax(z) of each, without a gradient.
std::vector<Tensor> soft_targets(const std::vector<Var>& logits);

}  // namespace pliant
