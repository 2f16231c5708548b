#include "train/report/svg_axis.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "core/check.h"

namespace pliant {
namespace {

// The smallest of 1, 2, 5 times a power of ten that is at least `least`.
double nice_step(double least) {
  const double power = std::pow(10.0, std::floor(std::log10(least)));
  for (const double factor : {1.0, 2.0, 5.0}) {
    if (factor * power >= least * (1 - 1e-9)) return factor * power;
  }
  return 10 * power;
}

struct Suffix {
  double unit;
  const char* letter;
};

// 2,000,000 is 2M where the steps allow it.
Suffix suffix_of(double largest, double step) {
  for (const Suffix suffix : {Suffix{1e9, "G"}, Suffix{1e6, "M"}, Suffix{1e3, "k"}}) {
    if (largest >= 10 * suffix.unit && step >= suffix.unit / 100) return suffix;
    if (largest >= suffix.unit && step >= suffix.unit / 10 && suffix.unit > 1e3) return suffix;
  }
  return {1, ""};
}

std::string tick_label(double value, double step, double largest) {
  if (value == 0) return "0";
  if (largest >= 1e13 || largest < 1e-4) {
    const int digits = std::clamp(static_cast<int>(std::floor(std::log10(std::abs(value))) - std::floor(std::log10(step))), 0, 9);
    return fmt::format("{:.{}e}", value, digits);
  }
  const Suffix suffix = suffix_of(largest, step);
  const double shown_step = step / suffix.unit;
  const int decimals = shown_step >= 1 ? 0 : static_cast<int>(std::ceil(-std::log10(shown_step) - 1e-9));
  return fmt::format("{:.{}f}{}", value / suffix.unit, std::min(decimals, 12), suffix.letter);
}

std::string log_label(double value) {
  if (value >= 1e13 || value < 0.9e-3) return fmt::format("{:.0e}", value);
  return tick_label(value, value, value);
}

// The largest of 1, 2, 5 times a power of ten that is at most `most`.
double nice_below(double most) {
  const double power = std::pow(10.0, std::floor(std::log10(most)));
  for (const double factor : {5.0, 2.0}) {
    if (factor * power <= most * (1 + 1e-9)) return factor * power;
  }
  return power;
}

}  // namespace

ScaledAxis ScaledAxis::linear(double lowest, double highest, int wanted, bool whole) {
  PLIANT_INVARIANT(lowest <= highest && std::abs(lowest) <= 1e100 && std::abs(highest) <= 1e100, lowest, " to ", highest);
  const double size = std::max(std::abs(lowest), std::abs(highest));
  // Equal values, and values that differ by rounding alone, get a range around them.
  if (highest - lowest < 1e-9 * size || size < 1e-100) {
    const double margin = size < 1e-100 ? 1.0 : whole ? std::max(1.0, 1e-3 * size) : 0.05 * size;
    lowest -= margin;
    highest += margin;
  }
  double step = nice_step((highest - lowest) / wanted);
  if (whole) step = std::max(step, 1.0);
  const double first = std::floor(lowest / step + 1e-9), last = std::max(std::ceil(highest / step - 1e-9), first + 1);
  ScaledAxis axis(first * step, last * step, false);
  const double largest = std::max(std::abs(axis.low_), std::abs(axis.high_));
  for (double i = first; i <= last; ++i) axis.ticks_.push_back({axis.at(i * step), tick_label(i * step, step, largest)});
  return axis;
}

ScaledAxis ScaledAxis::logarithmic(double lowest, double highest) {
  PLIANT_INVARIANT(lowest > 0 && lowest <= highest && highest <= 1e100, lowest, " to ", highest);
  const double low = nice_below(lowest);
  double high = nice_step(highest);
  if (high <= low * 1.001) high = nice_step(low * 1.9);
  ScaledAxis axis(std::log10(low), std::log10(high), true);
  const double decades = axis.high_ - axis.low_;
  const int every = std::max(1, static_cast<int>(std::ceil(decades / 8)));
  for (int power = static_cast<int>(std::floor(axis.low_)); power <= static_cast<int>(std::floor(axis.high_ + 1e-9)); ++power) {
    for (int factor = 1; factor <= 9; ++factor) {
      const double at = (std::log10(factor) + power - axis.low_) / decades;
      if (at < -1e-9 || at > 1 + 1e-9 || (factor > 1 && every > 1)) continue;
      const bool labelled = factor == 1 ? power % every == 0 : decades < 2.5 && (factor == 2 || factor == 5);
      axis.ticks_.push_back({at, labelled ? log_label(factor * std::pow(10.0, power)) : ""});
    }
  }
  return axis;
}

ScaledAxis ScaledAxis::places(const std::vector<std::string>& names, int most) {
  PLIANT_INVARIANT(!names.empty() && most > 0, names.size(), " places, ", most, " labels");
  ScaledAxis axis(-0.5, static_cast<double>(names.size()) - 0.5, false);
  const std::size_t every = (names.size() + static_cast<std::size_t>(most) - 1) / static_cast<std::size_t>(most);
  for (std::size_t i = 0; i < names.size(); i += every) axis.ticks_.push_back({axis.at(static_cast<double>(i)), names[i]});
  return axis;
}

double ScaledAxis::scaled(double value) const { return logarithmic_ ? std::log10(value) : value; }

double ScaledAxis::at(double value) const { return (scaled(value) - low_) / (high_ - low_); }

}  // namespace pliant
