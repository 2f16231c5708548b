// How many channels of a layer stay, and which: the arithmetic of pruning plans, on plain scores.
#pragma once

#include <cstdint>
#include <vector>

namespace pliant {

struct KeepLimits {
  std::int64_t floor = 0;   // channels that stay at least
  double most = 1.0;        // share that goes at most
  int round_to = 1;         // what stays is rounded up to a multiple of this, as far as there are channels
};

// int(channels (1 - ratio)) within the limits; 0 where nothing stays. Products a hair below a whole number count as that number.
std::int64_t kept_count(std::int64_t channels, double ratio, const KeepLimits& limits);
// Any other count, such as what a threshold leaves, within the limits.
std::int64_t limited_count(std::int64_t channels, std::int64_t count, const KeepLimits& limits);

// The `count` candidates with the largest scores, ascending; of equal scores the lower position stays.
std::vector<std::int32_t> best_channels(const std::vector<double>& scores, const std::vector<std::int32_t>& candidates, std::int64_t count);

// sorted[int(N ratio)] of the scores, N of them, ascending (Liu et al., 2017; the released code). Scores above it stay.
double global_threshold(std::vector<double> scores, double ratio);

}  // namespace pliant
