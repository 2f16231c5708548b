// One axis of a chart: which range of values it shows, where its ticks are, and where a value lies along it. Knows
// nothing of SVG.
#pragma once

#include <string>
#include <vector>

namespace pliant {

struct AxisTick {
  double at;          // 0 to 1 along the axis
  std::string label;  // empty: a small tick between two decades
};

class ScaledAxis {
 public:
  // Linear: from a tick at or below lowest to one at or above highest, steps of 1, 2 or 5 times a power of ten, about
  // `wanted` of them; whole: steps of at least 1. The values must be finite, with lowest <= highest and at most 1e100 in size.
  static ScaledAxis linear(double lowest, double highest, int wanted, bool whole);
  // Logarithmic: from 1, 2 or 5 times a power of ten to another one. The values must also be above 0.
  static ScaledAxis logarithmic(double lowest, double highest);
  // count places of equal width, place i named names[i], its tick in its middle. Ticks further apart than one place
  // where only `most` labels fit.
  static ScaledAxis places(const std::vector<std::string>& names, int most);

  // 0 at the low end, 1 at the high end.
  double at(double value) const;
  const std::vector<AxisTick>& ticks() const { return ticks_; }

 private:
  ScaledAxis(double low, double high, bool logarithmic) : low_(low), high_(high), logarithmic_(logarithmic) {}
  double scaled(double value) const;

  double low_, high_;  // in logarithms where logarithmic_
  bool logarithmic_;
  std::vector<AxisTick> ticks_;
};

}  // namespace pliant
