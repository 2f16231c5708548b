#include "train/report/svg_chart_layout.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "train/report/svg_canvas.h"

namespace pliant {
namespace {

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;
  void include(double value) {
    low = std::min(low, value);
    high = std::max(high, value);
  }
};

// A name needs this much of the axis when it stands upright.
constexpr double kUprightPlace = 14;

double plot_width(const Chart& chart) {
  double width = std::max(640.0, text_width(chart.x().label, ChartLayout::kLabelText));
  for (const Chart::Series& series : chart.series()) {
    for (const Chart::Point& point : series.points) width = std::max(width, 60 + text_width(point.label, ChartLayout::kTickText));
  }
  for (const Chart::Point& mark : chart.marks()) width = std::max(width, text_width(mark.label, ChartLayout::kTickText));
  return std::max(width, std::min(kUprightPlace * static_cast<double>(chart.x().places.size()), 1600.0));
}

bool names_fit(const std::vector<std::string>& places, double width) {
  const double place = width / static_cast<double>(places.size());
  return std::all_of(places.begin(), places.end(),
                     [&](const std::string& name) { return text_width(name, ChartLayout::kTickText) + 6 <= place; });
}

ScaledAxis make_x_axis(const Chart& chart, double width) {
  const Chart::Axis& axis = chart.x();
  if (!axis.places.empty()) {
    const double most = names_fit(axis.places, width) ? static_cast<double>(axis.places.size()) : width / kUprightPlace;
    return ScaledAxis::places(axis.places, std::max(1, static_cast<int>(most)));
  }
  Range range;
  for (const Chart::Series& series : chart.series()) {
    for (const Chart::Point& point : series.points) range.include(point.x);
  }
  for (const Chart::Point& mark : chart.marks()) range.include(mark.x);
  return axis.logarithmic ? ScaledAxis::logarithmic(range.low, range.high) : ScaledAxis::linear(range.low, range.high, 10, axis.whole);
}

ScaledAxis make_y_axis(const Chart& chart) {
  const bool logarithmic = chart.y().logarithmic;
  Range range;
  for (const Chart::Series& series : chart.series()) {
    for (const Chart::Point& point : series.points) {
      range.include(point.y);
      range.include(point.y + point.deviation);
      if (!logarithmic || point.y > point.deviation) range.include(point.y - point.deviation);
      if (series.style == Chart::Style::bars) range.include(logarithmic ? point.y / 2 : 0.0);  // a bar begins somewhere
    }
  }
  return logarithmic ? ScaledAxis::logarithmic(range.low, range.high) : ScaledAxis::linear(range.low, range.high, 6, chart.y().whole);
}

double widest(const std::vector<AxisTick>& ticks) {
  double width = 0;
  for (const AxisTick& tick : ticks) width = std::max(width, text_width(tick.label, ChartLayout::kTickText));
  return width;
}

// Every mark's label in the lowest row where it does not touch its left neighbour.
std::vector<int> place_marks(const std::vector<Chart::Point>& marks, const ChartLayout& layout) {
  std::vector<std::size_t> order(marks.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return marks[a].x < marks[b].x; });
  std::vector<int> rows(marks.size());
  std::vector<double> ends;  // right end of what stands in each row
  for (const std::size_t i : order) {
    const double width = text_width(marks[i].label, ChartLayout::kTickText), middle = layout.mark_label(marks[i].x, marks[i].label);
    std::size_t row = 0;
    while (row < ends.size() && ends[row] + 4 > middle - width / 2) ++row;
    if (row == ends.size()) ends.push_back(0);
    ends[row] = middle + width / 2;
    rows[i] = static_cast<int>(row);
  }
  return rows;
}

}  // namespace

ChartLayout::ChartLayout(const Chart& chart)
    : width(plot_width(chart)), x_axis(make_x_axis(chart, width)), y_axis(make_y_axis(chart)) {
  const bool title = !chart.title().empty();
  turned = !chart.x().places.empty() && !names_fit(chart.x().places, width);
  x_labels = turned ? widest(x_axis.ticks()) : kTickText;
  // From the edge: the y axis' label, a gap, the ticks' labels, the ticks.
  left = kEdge + kLabelText + 8 + std::max(widest(y_axis.ticks()), turned ? 0.0 : widest({x_axis.ticks().front()}) / 2) + 9;
  mark_rows = place_marks(chart.marks(), *this);
  const int rows = mark_rows.empty() ? 0 : 1 + *std::max_element(mark_rows.begin(), mark_rows.end());
  top = kEdge + (title ? kTitleText + 9 : 0) + kMarkRow * rows + 4;

  double legend = 0, entries = 0;
  for (const Chart::Series& series : chart.series()) {
    if (series.name.empty()) continue;
    legend = std::max(legend, 16 + 34 + text_width(series.name, 12));
    ++entries;
  }
  height = std::max(400.0, text_width(chart.y().label, kLabelText));
  const double right = std::max(legend, turned ? 0.0 : widest({x_axis.ticks().back()}) / 2) + kEdge;
  const double below = 9 + x_labels + 12 + kLabelText + kEdge;
  total_width = std::max(left + width + right, title ? text_width(chart.title(), kTitleText) + 2 * kEdge : 0.0);
  total_height = top + std::max(height + below, kRow * entries + kEdge);
}

double ChartLayout::mark_label(double mark_x, const std::string& label) const {
  const double half = text_width(label, kTickText) / 2;
  return std::clamp(x(mark_x), left + half, left + width - half);
}

}  // namespace pliant
