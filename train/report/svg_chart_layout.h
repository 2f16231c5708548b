// Where the parts of a chart lie: the plot's rectangle, its axes, and the size of the whole figure, which grows with the
// labels so that nothing overlaps and all of it is inside. For svg_chart's own files alone.
#pragma once

#include <string>
#include <vector>

#include "train/report/svg_axis.h"
#include "train/report/svg_chart.h"

namespace pliant {

struct ChartLayout {
  static constexpr double kTickText = 11, kLabelText = 13, kTitleText = 15, kRow = 18, kMarkRow = 15, kEdge = 12;

  double left = 0, top = 0, width = 0, height = 0;  // of the plot
  double total_width = 0, total_height = 0;         // of the figure
  bool turned = false;                              // the names of places stand upright
  double x_labels = 0;                              // height of the x ticks' labels
  std::vector<int> mark_rows;                       // row of each mark's label above the plot, 0 the lowest
  ScaledAxis x_axis, y_axis;

  explicit ChartLayout(const Chart& chart);

  double x(double value) const { return left + width * x_axis.at(value); }
  double y(double value) const { return top + height * (1.0 - y_axis.at(value)); }
  // The middle of a mark's label, moved where it would leave the plot's width.
  double mark_label(double mark_x, const std::string& label) const;
};

}  // namespace pliant
