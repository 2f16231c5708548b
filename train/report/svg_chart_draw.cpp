// Chart::svg(): draws the parts of a chart where its layout has put them, from the back to the front.
#include <algorithm>
#include <cmath>
#include <iterator>

#include "core/check.h"
#include "train/files/text.h"
#include "train/report/svg_canvas.h"
#include "train/report/svg_chart.h"
#include "train/report/svg_chart_layout.h"

namespace pliant {
namespace {

using Style = Chart::Style;

// Okabe and Ito, "Color Universal Design" (2008), without yellow, which is too light on white.
constexpr const char* kPalette[] = {"#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"};
constexpr const char* kGrid = "#e4e4e4";
constexpr const char* kFrame = "#606060";

std::string colour_of(std::size_t series) { return kPalette[series % std::size(kPalette)]; }

// Shifted by one each time the colours begin anew, so that no pair of colour and shape comes twice soon.
int shape_of(std::size_t series) { return static_cast<int>((series + series / std::size(kPalette)) % SvgCanvas::kMarkers); }

bool has_markers(const Chart::Series& series) {
  return series.style == Style::markers || series.style == Style::line_and_markers ||
         (series.style == Style::line && series.points.size() == 1);
}

struct Box {
  double left, top, right, bottom;
  bool touches(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

class Drawing {
 public:
  explicit Drawing(const Chart& chart) : chart_(chart), at_(chart) {}

  std::string draw() {
    axes();
    marks();
    bars();
    for (const bool front : {true, false}) {  // a front's line lies under the points
      for (std::size_t i = 0; i < chart_.series().size(); ++i) {
        if ((chart_.series()[i].style == Style::front) == front) series(i);
      }
    }
    labels();
    legend();
    return canvas_.document(at_.total_width, at_.total_height, chart_.title());
  }

 private:
  void axes();
  void marks();
  void bars();
  void series(std::size_t index);
  void error_bar(const Chart::Point& point, double x, const std::string& colour);
  std::string path_of(const Chart::Series& series) const;
  void labels();
  void label(const Chart::Point& point, std::vector<Box>& taken);
  void legend();

  const Chart& chart_;
  const ChartLayout at_;
  SvgCanvas canvas_;
};

void Drawing::axes() {
  const double right = at_.left + at_.width, bottom = at_.top + at_.height;
  canvas_.open_group("axes");
  for (const AxisTick& tick : at_.y_axis.ticks()) {
    const double y = bottom - at_.height * tick.at;
    canvas_.line(at_.left, y, right, y, {tick.label.empty() ? "#f4f4f4" : kGrid});
    canvas_.line(at_.left - (tick.label.empty() ? 2 : 5), y, at_.left, y, {kFrame});
    if (!tick.label.empty()) canvas_.text(at_.left - 9, y, tick.label, at_.kTickText, TextAnchor::end);
  }
  const double under = bottom + 9;
  for (const AxisTick& tick : at_.x_axis.ticks()) {
    const double x = at_.left + at_.width * tick.at;
    if (chart_.x().places.empty()) canvas_.line(x, at_.top, x, bottom, {tick.label.empty() ? "#f4f4f4" : kGrid});
    canvas_.line(x, bottom, x, bottom + (tick.label.empty() ? 2 : 5), {kFrame});
    if (tick.label.empty()) continue;
    canvas_.text(x, under + (at_.turned ? 0 : at_.kTickText / 2), tick.label, at_.kTickText, at_.turned ? TextAnchor::end : TextAnchor::middle, at_.turned);
  }
  canvas_.line(at_.left, at_.top, at_.left, bottom, {kFrame});
  canvas_.line(at_.left, bottom, right, bottom, {kFrame});
  canvas_.text((at_.left + right) / 2, under + at_.x_labels + 10 + at_.kLabelText / 2, chart_.x().label, at_.kLabelText, TextAnchor::middle);
  canvas_.text(at_.kEdge + at_.kLabelText / 2, at_.top + at_.height / 2, chart_.y().label, at_.kLabelText, TextAnchor::middle, true);
  if (!chart_.title().empty()) {
    canvas_.text(at_.total_width / 2, at_.kEdge + at_.kTitleText / 2, chart_.title(), at_.kTitleText, TextAnchor::middle, false, true);
  }
  canvas_.close_group();
}

void Drawing::marks() {
  for (std::size_t i = 0; i < chart_.marks().size(); ++i) {
    const Chart::Point& mark = chart_.marks()[i];
    canvas_.open_group("mark");
    canvas_.line(at_.x(mark.x), at_.top, at_.x(mark.x), at_.top + at_.height, {"#808080", 1, true});
    canvas_.text(at_.mark_label(mark.x, mark.label), at_.top - 4 - at_.kMarkRow * (at_.mark_rows[i] + 0.5), mark.label, at_.kTickText, TextAnchor::middle);
    canvas_.close_group();
  }
}

void Drawing::bars() {
  const auto is_bars = [](const Chart::Series& series) { return series.style == Style::bars; };
  const auto count = std::count_if(chart_.series().begin(), chart_.series().end(), is_bars);
  if (count == 0) return;
  const double bar = 0.8 * at_.width / static_cast<double>(chart_.x().places.size()) / static_cast<double>(count);
  const double bottom = at_.top + at_.height;
  const double base = chart_.y().logarithmic ? bottom : at_.y(0.0);
  double offset = -bar * static_cast<double>(count) / 2;
  for (std::size_t i = 0; i < chart_.series().size(); ++i) {
    const Chart::Series& series = chart_.series()[i];
    if (!is_bars(series)) continue;
    canvas_.open_group("series bars");
    for (const Chart::Point& point : series.points) {
      const double x = at_.x(point.x) + offset, y = at_.y(point.y);
      canvas_.rectangle(x, std::min(y, base), bar, std::abs(base - y), colour_of(i));
      error_bar(point, x + bar / 2, "#303030");
    }
    canvas_.close_group();
    offset += bar;
  }
}

std::string Drawing::path_of(const Chart::Series& series) const {
  std::string path;
  const auto move = [&](const char* command, double x, double y) { path += cat(command, svg_number(x), " ", svg_number(y)); };
  if (series.style != Style::front) {
    for (const Chart::Point& point : series.points) move(path.empty() ? "M" : "L", at_.x(point.x), at_.y(point.y));
    return path;
  }
  std::vector<Chart::Point> points = series.points;
  std::stable_sort(points.begin(), points.end(), [](const Chart::Point& a, const Chart::Point& b) { return a.x < b.x; });
  double height = at_.y(points[0].y);
  for (const Chart::Point& point : points) {
    if (!path.empty()) move("L", at_.x(point.x), height);
    height = at_.y(point.y);
    move(path.empty() ? "M" : "L", at_.x(point.x), height);
  }
  move("L", at_.left + at_.width, height);
  return path;
}

void Drawing::error_bar(const Chart::Point& point, double x, const std::string& colour) {
  if (point.deviation <= 0) return;
  // On a logarithmic axis the lower end may be below what can be shown.
  const double low = point.y - point.deviation, bottom = at_.top + at_.height;
  const double y1 = at_.y(point.y + point.deviation), y2 = chart_.y().logarithmic && low <= 0 ? bottom : at_.y(low);
  canvas_.line(x, y1, x, y2, {colour});
  for (const double y : {y1, y2}) canvas_.line(x - 4, y, x + 4, y, {colour});
}

void Drawing::series(std::size_t index) {
  const Chart::Series& series = chart_.series()[index];
  if (series.style == Style::bars) return;
  const std::string colour = colour_of(index);
  canvas_.open_group(series.style == Style::front ? "series front" : "series");
  const bool line = series.style != Style::markers && (series.points.size() > 1 || series.style == Style::front);
  if (line) canvas_.path(path_of(series), {colour, 1.8, series.dashed});
  for (const Chart::Point& point : series.points) error_bar(point, at_.x(point.x), colour);
  const auto every = static_cast<std::size_t>(series.marker_every);
  for (std::size_t i = 0; has_markers(series) && i < series.points.size(); ++i) {
    if (i % every == 0 || i + 1 == series.points.size()) {
      canvas_.marker(at_.x(series.points[i].x), at_.y(series.points[i].y), shape_of(index), colour);
    }
  }
  canvas_.close_group();
}

void Drawing::labels() {
  std::vector<Box> taken;
  for (const Chart::Series& series : chart_.series()) {
    for (const Chart::Point& point : series.points) {
      const double x = at_.x(point.x), y = at_.y(point.y);
      if (has_markers(series)) taken.push_back({x - 4, y - 4, x + 4, y + 4});
    }
  }
  for (const Chart::Series& series : chart_.series()) {
    for (const Chart::Point& point : series.points) {
      if (!point.label.empty()) label(point, taken);
    }
  }
}

// At the first of some positions around the point that is inside the plot and free; where none is, the first inside.
void Drawing::label(const Chart::Point& point, std::vector<Box>& taken) {
  const double x = at_.x(point.x), y = at_.y(point.y), w = text_width(point.label, at_.kTickText), h = at_.kTickText;
  const double centred = std::clamp(x - w / 2, at_.left, at_.left + at_.width - w);
  std::vector<Box> positions;
  for (const double away : {0.0, 11.0, 22.0, 33.0}) {
    for (const double top : {y - 3 - h - away, y + 3 + away}) {
      for (const double left : {x + 6, x - 6 - w, centred}) positions.push_back({left, top, left + w, top + h});
    }
  }
  const Box plot{at_.left, at_.top, at_.left + at_.width, at_.top + at_.height};
  const auto inside = [&](const Box& box) {
    return box.left >= plot.left && box.right <= plot.right && box.top >= plot.top && box.bottom <= plot.bottom;
  };
  const auto is_free = [&](const Box& box) {
    return inside(box) && std::none_of(taken.begin(), taken.end(), [&](const Box& other) { return box.touches(other); });
  };
  auto chosen = std::find_if(positions.begin(), positions.end(), is_free);
  if (chosen == positions.end()) chosen = std::find_if(positions.begin(), positions.end(), inside);
  PLIANT_INVARIANT(chosen != positions.end(), "no place for the label ", in_quotes(point.label));
  canvas_.text(chosen->left, (chosen->top + chosen->bottom) / 2, point.label, at_.kTickText);
  taken.push_back(*chosen);
}

void Drawing::legend() {
  const double x = at_.left + at_.width + 16;
  double y = at_.top + at_.kRow / 2;
  for (std::size_t i = 0; i < chart_.series().size(); ++i) {
    const Chart::Series& series = chart_.series()[i];
    if (series.name.empty()) continue;
    canvas_.open_group("legend");
    if (series.style == Style::bars) {
      canvas_.rectangle(x + 7, y - 6, 14, 12, colour_of(i));
    } else {
      if (series.style != Style::markers) canvas_.line(x, y, x + 28, y, {colour_of(i), 1.8, series.dashed});
      if (has_markers(series)) canvas_.marker(x + 14, y, shape_of(i), colour_of(i));
    }
    canvas_.text(x + 34, y, series.name, 12);
    canvas_.close_group();
    y += at_.kRow;
  }
}

}  // namespace

std::string Chart::svg() const {
  PLIANT_REQUIRE(ConfigError, !series_.empty(), "chart ", in_quotes(title_), ": there is nothing to draw");
  return Drawing(*this).draw();
}

}  // namespace pliant
