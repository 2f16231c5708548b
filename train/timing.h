// Wall-clock times and what is reported of many of them.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <vector>

namespace pliant {

using Clock = std::chrono::steady_clock;

inline double milliseconds_since(Clock::time_point start) { return std::chrono::duration<double, std::milli>(Clock::now() - start).count(); }

// The smallest value that at least this share, in (0, 1], of all values does not exceed (nearest rank). values is not empty.
inline double quantile(std::vector<double> values, double share) {
  const auto rank = static_cast<std::ptrdiff_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  std::nth_element(values.begin(), values.begin() + rank, values.end());
  return values[static_cast<std::size_t>(rank)];
}

}  // namespace pliant
