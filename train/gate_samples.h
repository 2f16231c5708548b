// Stochastic depth at test time by sampling instead of scaling: the softmax averaged over random gate patterns (the expectation that
// the scaled pass of Huang et al., 2016, eq. 5, stands for).
#pragma once

#include "train/evaluate.h"

namespace pliant {

// Loss and accuracy of the mean softmax over `patterns` passes with batch norm in eval mode, each with gates drawn by the survival
// probabilities and with open branches counting as in training. The patterns are the same for all batches; nets with a gate per sample
// draw one per sample. ConfigError for a net without stochastic depth.
Evaluation evaluate_gates(const Net& net, const DeviceData& data, std::int64_t batch_size, const Selection& select, int patterns, std::uint64_t seed);

}  // namespace pliant
