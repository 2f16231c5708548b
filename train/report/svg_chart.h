// One figure as a standalone SVG: curves over epochs, points with labels and a Pareto front, values with deviations, bars
// or curves per layer. Whoever has results fills it; it computes nothing but the Pareto front. No script, no font, no
// size to set: the figure grows with its labels, and the legend stands right of the plot, where no data is.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace pliant {

class Chart {
 public:
  enum class Style {
    line,
    markers,
    line_and_markers,
    front,  // a step line through points of a Pareto front: what can be had at that cost
    bars,   // beside those of the other series at the same place; needs an x axis of places
  };

  struct Axis {
    std::string label;  // with its unit, such as "time (ms)"
    bool logarithmic = false;
    bool whole = false;               // ticks at whole numbers only, such as epochs
    std::vector<std::string> places;  // x axis alone: names instead of numbers; x is then the index of a place
  };

  struct Point {
    double x = 0, y = 0;
    double deviation = 0;  // above 0: an error bar from y - deviation to y + deviation
    std::string label;     // written beside the point where not empty
  };

  struct Series {
    std::string name;  // in the legend where not empty
    std::vector<Point> points;
    Style style = Style::line;
    bool dashed = false;
    int marker_every = 1;  // markers at every n-th point and at the last one
  };

  // ConfigError for an axis that cannot be: a logarithmic x axis of places, or a y axis of places.
  Chart(std::string title, Axis x, Axis y);

  // Colours and shapes go by the order of adding. Error that names series and point for a value that is not finite, beyond
  // 1e100, or not above 0 on a logarithmic axis; ConfigError without points, for a negative deviation, for an x that is
  // no place of an axis of places, and for bars without places. A refused series leaves the chart as it was.
  void add(Series series);

  // A dashed vertical line at x with its label above the plot. The same errors.
  void mark(double x, std::string label);

  // The document. ConfigError if nothing was added.
  std::string svg() const;
  // Error if the file cannot be written.
  void write(const std::string& path) const;

  const std::string& title() const { return title_; }
  const Axis& x() const { return x_; }
  const Axis& y() const { return y_; }
  const std::vector<Series>& series() const { return series_; }
  const std::vector<Point>& marks() const { return marks_; }

 private:
  void check_x(const std::string& where, double value) const;

  std::string title_;
  Axis x_, y_;
  std::vector<Series> series_;
  std::vector<Point> marks_;  // x and label alone
};

// The indices of the points that no other point beats, by ascending x: x is a cost (less is better), y an accuracy (more
// is better). Of points with equal x the highest is on the front, of points with equal y the cheapest, of equal points the
// first. Error for a value that is not finite.
std::vector<std::size_t> pareto_front(std::span<const Chart::Point> points);

}  // namespace pliant
