// Survival probabilities of residual branches (Huang et al., "Deep networks with stochastic depth", 2016).
#pragma once

#include <vector>

#include "nets/net.h"

namespace pliant {

// Linear decay, eq. 4: block l of L, counted from 1, survives with 1 - l / L (1 - last). Throws UsageError unless 0 < last <= 1.
std::vector<double> linear_survival(int blocks, double last);
// Every block survives with p. UsageError unless 0 < p <= 1.
std::vector<double> uniform_survival(int blocks, double p);

// The blocks that are open in a training pass, on average; (3 L - 1) / 4 for linear decay to 1/2.
double expected_open_blocks(const std::vector<double>& survival);
// MACs of a training pass, on average, as a share of those with every block open.
double expected_macs(const Net& net);

}  // namespace pliant
