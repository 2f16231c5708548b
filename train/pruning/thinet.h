// ThiNet's choice of input channels (Luo, Wu, Lin, "ThiNet: a filter level pruning method for deep neural network compression",
// ICCV 2017), on numbers alone. A row of `contributions` [m, C] is one output value of the layer that reads the channels, split by
// input channel: xhat_c = sum over taps of W[d, c, :, :] * x[c, patch] (eq. 4), so that a row sums to yhat, the output without bias.
#pragma once

#include "train/pruning/least_squares.h"

namespace pliant {

// The greedy method for eq. 6 (algorithm 1): `count` channels to remove, in the order of their choice. Each is the channel j that
// makes  sum_i ( sum_{c in T + {j}} xhat_{i,c} )^2  smallest, T being those chosen before; of equal ones the lowest.
// Throws ConfigError unless 0 <= count < C.
std::vector<std::int64_t> thinet_removed(const Matrix& contributions, std::int64_t count);

// The least-squares rescaling of eq. 7 and 8: w = argmin sum_i ( yhat_i - sum_{c in kept} w_c xhat_{i,c} )^2 for targets [m, 1],
// one factor per kept channel. Factors that the samples leave open stay at 1.
std::vector<double> thinet_factors(const Matrix& contributions, const Matrix& targets, const std::vector<std::int64_t>& kept);

// The channels 0..size-1 that are not in `removed`, ascending.
std::vector<std::int64_t> remaining(std::int64_t size, const std::vector<std::int64_t>& removed);

}  // namespace pliant
