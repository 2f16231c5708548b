#include "train/pruning/keep.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace pliant {

std::int64_t kept_count(std::int64_t channels, double ratio, const KeepLimits& limits) {
  // 10 (1 - 0.9) must be 1, not 0.
  return limited_count(channels, static_cast<std::int64_t>(std::floor(static_cast<double>(channels) * (1.0 - ratio) + 1e-9)), limits);
}

std::int64_t limited_count(std::int64_t channels, std::int64_t count, const KeepLimits& limits) {
  const auto least = static_cast<std::int64_t>(std::ceil(static_cast<double>(channels) * (1.0 - limits.most) - 1e-9));
  count = std::max({count, least, std::min(limits.floor, channels)});
  if (count > 0) count = (count + limits.round_to - 1) / limits.round_to * limits.round_to;
  return std::min(count, channels);
}

std::vector<std::int32_t> best_channels(const std::vector<double>& scores, const std::vector<std::int32_t>& candidates, std::int64_t count) {
  std::vector<std::int32_t> order = candidates;
  std::stable_sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)];
  });
  order.resize(static_cast<std::size_t>(std::min<std::int64_t>(count, static_cast<std::int64_t>(order.size()))));
  std::sort(order.begin(), order.end());
  return order;
}

double global_threshold(std::vector<double> scores, double ratio) {
  PLIANT_REQUIRE(ConfigError, !scores.empty(), "a global threshold needs at least one channel");
  const auto rank = static_cast<std::size_t>(static_cast<double>(scores.size()) * ratio + 1e-9);
  std::nth_element(scores.begin(), scores.begin() + static_cast<std::ptrdiff_t>(std::min(rank, scores.size() - 1)), scores.end());
  return scores[std::min(rank, scores.size() - 1)];
}

}  // namespace pliant
