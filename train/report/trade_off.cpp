#include "train/report/trade_off.h"

#include <functional>

#include "core/check.h"
#include "train/report/svg_chart.h"

namespace pliant {

namespace {

Chart chart_of(const std::string& title, const std::vector<TradeOffPoint>& points, const std::string& label,
               const std::function<double(const TradeOffPoint&)>& cost) {
  Chart chart(title, {.label = label}, {.label = "accuracy (%)"});
  std::vector<Chart::Point> all;
  std::vector<Chart::Series> series;  // one per width
  double width = 0.0;
  bool several_exits = false;
  for (const TradeOffPoint& point : points) several_exits |= point.exit != points[0].exit;
  for (const TradeOffPoint& point : points) {
    if (series.empty() || point.width != width) series.push_back({.name = cat("width ", point.width), .style = Chart::Style::markers});
    width = point.width;
    all.push_back({.x = cost(point), .y = 100.0 * point.accuracy});
    series.back().points.push_back(all.back());
    if (several_exits) series.back().points.back().label = cat("exit ", point.exit);
  }
  for (Chart::Series& one : series) chart.add(std::move(one));
  Chart::Series front{.name = "Pareto front", .style = Chart::Style::front};
  for (const std::size_t i : pareto_front(all)) front.points.push_back(all[i]);
  chart.add(std::move(front));
  return chart;
}

}  // namespace

std::vector<std::string> write_trade_off(const std::string& title, const std::vector<TradeOffPoint>& points, const std::string& path) {
  constexpr const char* kEnding = ".svg";
  PLIANT_REQUIRE(UsageError, path.ends_with(kEnding), path, ": a curve is a file that ends in .svg");
  PLIANT_REQUIRE(ConfigError, !points.empty(), "a trade-off curve without points");
  const std::string time_path = path.substr(0, path.size() - 4) + "-time.svg";
  chart_of(title, points, "multiply-accumulates (millions)", [](const TradeOffPoint& p) { return static_cast<double>(p.macs) / 1e6; }).write(path);
  chart_of(title, points, "time of one image (ms)", [](const TradeOffPoint& p) { return p.milliseconds; }).write(time_path);
  return {path, time_path};
}

}  // namespace pliant
