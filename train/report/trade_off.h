// The trade-off curve of a net with several widths and exits: accuracy against MACs and against time, every (width, exit) a point,
// with the Pareto front.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant {

struct TradeOffPoint {
  double width = 1.0;  // ratio
  int exit = 0;
  double accuracy = 0.0;  // 0..1
  std::int64_t macs = 0;
  double milliseconds = 0.0;
};

// Draws against MACs into `path` and against time beside it, "curve.svg" and "curve-time.svg", and returns both paths. UsageError for
// a path that does not end in .svg, ConfigError without a point, Error where a file cannot be written.
std::vector<std::string> write_trade_off(const std::string& title, const std::vector<TradeOffPoint>& points, const std::string& path);

}  // namespace pliant
