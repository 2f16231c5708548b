#include "train/report/svg_axis.h"

#include <doctest/doctest.h>

#include <cmath>

using namespace pliant;

namespace {

std::vector<std::string> labels(const ScaledAxis& axis) {
  std::vector<std::string> found;
  for (const AxisTick& tick : axis.ticks()) {
    if (!tick.label.empty()) found.push_back(tick.label);
  }
  return found;
}

using Labels = std::vector<std::string>;

}  // namespace

TEST_CASE("svg axis: linear ticks are round and enclose the values") {
  CHECK(labels(ScaledAxis::linear(0.1, 0.93, 6, false)) == Labels{"0", "0.2", "0.4", "0.6", "0.8", "1.0"});
  CHECK(labels(ScaledAxis::linear(1, 164, 8, true)) == Labels{"0", "50", "100", "150", "200"});
  CHECK(labels(ScaledAxis::linear(1, 3, 8, true)) == Labels{"1", "2", "3"});
  CHECK(labels(ScaledAxis::linear(-3, 4, 6, false)) == Labels{"-4", "-2", "0", "2", "4"});
  CHECK(labels(ScaledAxis::linear(1.2e6, 40.5e6, 6, false)) == Labels{"0", "10M", "20M", "30M", "40M", "50M"});
  CHECK(labels(ScaledAxis::linear(1.5e6, 2.4e6, 6, false)) == Labels{"1.4M", "1.6M", "1.8M", "2.0M", "2.2M", "2.4M"});
  CHECK(labels(ScaledAxis::linear(1e-7, 3e-7, 4, false)) == Labels{"1.0e-07", "1.5e-07", "2.0e-07", "2.5e-07", "3.0e-07"});
}

TEST_CASE("svg axis: every range has at least two ticks between its ends") {
  for (const double low : {0.0, 1.0, -5.0, 1e-30, 1e30, 123456.789}) {
    for (const double span : {0.0, 1e-18, 1e-5, 1.0, 1e7, 1e40}) {
      for (const bool whole : {false, true}) {
        const ScaledAxis axis = ScaledAxis::linear(low, low + span, 6, whole);
        CAPTURE(low);
        CAPTURE(span);
        CHECK(labels(axis).size() >= 2);
        CHECK(labels(axis).size() <= 12);
        CHECK(axis.at(low) >= -1e-6);
        CHECK(axis.at(low + span) <= 1 + 1e-6);
        for (const AxisTick& tick : axis.ticks()) CHECK(std::abs(tick.at - 0.5) <= 0.5 + 1e-6);
      }
      if (low <= 0) continue;
      const ScaledAxis axis = ScaledAxis::logarithmic(low, low + span);
      CHECK(labels(axis).size() >= 2);
      CHECK(axis.at(low) >= -1e-6);
      CHECK(axis.at(low + span) <= 1 + 1e-6);
    }
  }
}

TEST_CASE("svg axis: logarithmic ticks are decades and their parts") {
  CHECK(labels(ScaledAxis::logarithmic(1e-6, 1)) == Labels{"1e-06", "1e-05", "1e-04", "0.001", "0.01", "0.1", "1"});
  CHECK(labels(ScaledAxis::logarithmic(2.5, 60)) == Labels{"2", "5", "10", "20", "50", "100"});
  CHECK(labels(ScaledAxis::logarithmic(3e5, 4e7)) == Labels{"200k", "500k", "1M", "2M", "5M", "10M", "20M", "50M"});
  CHECK(labels(ScaledAxis::logarithmic(1e-30, 1e30)).size() <= 9);
  CHECK(ScaledAxis::logarithmic(1, 100).at(10) == doctest::Approx(0.5));
}

TEST_CASE("svg axis: places lie in the middle of equal parts") {
  const ScaledAxis axis = ScaledAxis::places({"a", "b", "c", "d"}, 4);
  CHECK(labels(axis) == Labels{"a", "b", "c", "d"});
  CHECK(axis.at(0) == doctest::Approx(0.125));
  CHECK(axis.ticks()[3].at == doctest::Approx(0.875));
  CHECK(labels(ScaledAxis::places({"a", "b", "c", "d"}, 3)) == Labels{"a", "c"});
  CHECK(labels(ScaledAxis::places({"a"}, 1)) == Labels{"a"});
}
