// What several seeds of one measurement say together.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace pliant {

struct Summary {
  std::int64_t count = 0;
  double mean = 0.0;
  std::optional<double> deviation;  // sample standard deviation (divided by count - 1); nothing for a single value
};
// Throws ConfigError where there is no value.
Summary summarise(std::span<const double> values);

// (without - with) / without of two test errors (Zhou et al., 2018, table I): above 0 where `with` is better. Nothing where `without` is 0.
std::optional<double> relative_improvement(double error_without, double error_with);

}  // namespace pliant
