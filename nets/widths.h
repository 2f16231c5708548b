// The width table of slimmable nets (Yu et al., "Slimmable neural networks", 2019): rows by their ratio to the full width.
#pragma once

#include <string>
#include <vector>

#include "nets/net.h"

namespace pliant {

enum class WidthRounding {
  truncate,  // floor(ratio size), at least 1: ResNets
  eight      // nearest multiple of 8, at least 8, 8 more where that is below 0.9 ratio size: MobileNets
};
// What the papers use for a net.
WidthRounding usual_rounding(const std::string& net_name);
std::int64_t rounded_width(std::int64_t size, double ratio, WidthRounding rounding);

// A row of the width table for a ratio in (0, 1]: one size per plain axis, in order of declaration.
std::vector<std::int64_t> width_row(const Net& net, double ratio, WidthRounding rounding);

enum class WidthStatistics {
  switchable,  // private statistics, scale and shift for every width
  statistics,  // private statistics; one scale and shift for all
  shared       // one of everything: the naive variant, and universally slimmable nets before their calibration
};

// Puts the ratios into the description: widest first, the full width (1.0) always is row 0. Throws UsageError for a ratio outside (0, 1]
// or given twice, ConfigError where the description has widths already.
void add_widths(NetDescription& description, std::vector<double> ratios, WidthRounding rounding, WidthStatistics statistics);

// The row of a ratio; UsageError that lists the ratios there are for any other.
int width_index(const NetDescription& description, double ratio);
// 1.0 for row 0, else the name of the row, or its share of all channels where the rows have no names.
double width_ratio(const NetDescription& description, int row);

}  // namespace pliant
