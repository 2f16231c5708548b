#include "train/compare/statistics.h"

#include <cmath>
#include <numeric>

#include "core/check.h"

namespace pliant {

Summary summarise(std::span<const double> values) {
  PLIANT_REQUIRE(ConfigError, !values.empty(), "statistics: there is no value");
  const auto count = static_cast<double>(values.size());
  Summary summary{.count = static_cast<std::int64_t>(values.size())};
  summary.mean = std::accumulate(values.begin(), values.end(), 0.0) / count;
  if (values.size() == 1) return summary;
  double squares = 0.0;
  for (const double value : values) squares += (value - summary.mean) * (value - summary.mean);
  summary.deviation = std::sqrt(squares / (count - 1.0));
  return summary;
}

std::optional<double> relative_improvement(double error_without, double error_with) {
  if (error_without == 0.0) return std::nullopt;
  return (error_without - error_with) / error_without;
}

}  // namespace pliant
