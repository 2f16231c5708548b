#include "train/report/svg_chart.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/check.h"
#include "train/files/atomic_file.h"
#include "train/files/text.h"

namespace pliant {
namespace {

constexpr double kLargest = 1e100;

void check_value(const std::string& where, const char* axis, double value, bool logarithmic) {
  PLIANT_REQUIRE(Error, std::isfinite(value), where, ": ", axis, " is ", value, ", not a finite number");
  PLIANT_REQUIRE(Error, std::abs(value) <= kLargest, where, ": ", axis, " is ", value, ", too large to be drawn");
  PLIANT_REQUIRE(Error, !logarithmic || value > 0, where, ": ", axis, " is ", value,
                 ", but a logarithmic axis shows values above 0 alone");
}

}  // namespace

Chart::Chart(std::string title, Axis x, Axis y) : title_(std::move(title)), x_(std::move(x)), y_(std::move(y)) {
  PLIANT_REQUIRE(ConfigError, y_.places.empty(), "chart ", in_quotes(title_), ": only the x axis can have places");
  PLIANT_REQUIRE(ConfigError, x_.places.empty() || !x_.logarithmic, "chart ", in_quotes(title_),
                 ": an axis of places is not logarithmic");
}

void Chart::check_x(const std::string& where, double value) const {
  check_value(where, "x", value, x_.logarithmic);
  const double count = static_cast<double>(x_.places.size());
  PLIANT_REQUIRE(ConfigError, x_.places.empty() || (value >= 0 && value < count && value == std::floor(value)), where,
                 ": x is ", value, ", expected a place from 0 to ", count - 1);
}

void Chart::add(Series series) {
  const std::string name = cat("series ", in_quotes(series.name));
  PLIANT_REQUIRE(ConfigError, !series.points.empty(), name, " has no points");
  PLIANT_REQUIRE(ConfigError, series.style != Style::bars || !x_.places.empty(), name,
                 ": bars need an x axis of places");
  PLIANT_REQUIRE(ConfigError, series.marker_every >= 1, name, ": a marker at every ", series.marker_every,
                 " points, expected at least 1");
  for (std::size_t i = 0; i < series.points.size(); ++i) {
    const Point& point = series.points[i];
    const std::string where = cat(name, ", point ", i);
    check_x(where, point.x);
    check_value(where, "y", point.y, y_.logarithmic);
    check_value(where, "the deviation", point.deviation, false);
    PLIANT_REQUIRE(ConfigError, point.deviation >= 0, where, ": the deviation is ", point.deviation, ", expected at least 0");
  }
  series_.push_back(std::move(series));
}

void Chart::mark(double x, std::string label) {
  check_x(cat("mark ", in_quotes(label)), x);
  marks_.push_back({.x = x, .label = std::move(label)});
}

void Chart::write(const std::string& path) const { write_file_atomically(path, svg()); }

std::vector<std::size_t> pareto_front(std::span<const Chart::Point> points) {
  for (std::size_t i = 0; i < points.size(); ++i) {
    check_value(cat("pareto front, point ", i), "x", points[i].x, false);
    check_value(cat("pareto front, point ", i), "y", points[i].y, false);
  }
  std::vector<std::size_t> order(points.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return points[a].x != points[b].x ? points[a].x < points[b].x : points[a].y > points[b].y;
  });
  std::vector<std::size_t> front;
  for (const std::size_t i : order) {
    if (front.empty() || points[i].y > points[front.back()].y) front.push_back(i);
  }
  return front;
}

}  // namespace pliant
