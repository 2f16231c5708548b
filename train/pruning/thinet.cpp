#include "train/pruning/thinet.h"

#include <algorithm>

#include "core/check.h"

namespace pliant {

std::vector<std::int64_t> thinet_removed(const Matrix& contributions, std::int64_t count) {
  const std::int64_t channels = contributions.columns;
  PLIANT_REQUIRE(ConfigError, count >= 0 && count < channels, "ThiNet removes 0 to ", channels - 1, " of ", channels, " channels, not ", count);
  std::vector<double> sum(static_cast<std::size_t>(contributions.rows));  // of the chosen channels, per sample
  std::vector<bool> gone(static_cast<std::size_t>(channels));
  std::vector<std::int64_t> removed;
  std::vector<double> energy(static_cast<std::size_t>(channels));
  while (static_cast<std::int64_t>(removed.size()) < count) {
    std::fill(energy.begin(), energy.end(), 0.0);
    for (std::int64_t i = 0; i < contributions.rows; ++i) {
      const double* row = contributions.values.data() + i * channels;
      const double base = sum[static_cast<std::size_t>(i)];
      for (std::size_t j = 0; j < energy.size(); ++j) energy[j] += (base + row[j]) * (base + row[j]);
    }
    std::size_t best = energy.size();
    for (std::size_t j = 0; j < energy.size(); ++j) {
      if (!gone[j] && (best == energy.size() || energy[j] < energy[best])) best = j;
    }
    gone[best] = true;
    removed.push_back(static_cast<std::int64_t>(best));
    for (std::int64_t i = 0; i < contributions.rows; ++i) sum[static_cast<std::size_t>(i)] += contributions(i, removed.back());
  }
  return removed;
}

std::vector<double> thinet_factors(const Matrix& contributions, const Matrix& targets, const std::vector<std::int64_t>& kept) {
  Matrix ones(static_cast<std::int64_t>(kept.size()), 1);
  std::fill(ones.values.begin(), ones.values.end(), 1.0);
  return least_squares(columns_of(contributions, kept), targets, ones, false).weights.values;
}

std::vector<std::int64_t> remaining(std::int64_t size, const std::vector<std::int64_t>& removed) {
  std::vector<std::int64_t> kept;
  for (std::int64_t c = 0; c < size; ++c) {
    if (std::find(removed.begin(), removed.end(), c) == removed.end()) kept.push_back(c);
  }
  return kept;
}

}  // namespace pliant
