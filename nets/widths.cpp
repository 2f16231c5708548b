#include "nets/widths.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "nets/zoo.h"

namespace pliant {

WidthRounding usual_rounding(const std::string& net_name) {
  return net_name.starts_with("mobilenet") ? WidthRounding::eight : WidthRounding::truncate;
}

std::int64_t rounded_width(std::int64_t size, double ratio, WidthRounding rounding) {
  const double exact = static_cast<double>(size) * ratio;
  // Ratios such as 0.55 are no binary fractions: 0.55 * 20 must truncate to 11.
  if (rounding == WidthRounding::truncate) return std::max<std::int64_t>(1, static_cast<std::int64_t>(std::floor(exact + 1e-9)));
  std::int64_t channels = std::max<std::int64_t>(8, static_cast<std::int64_t>((exact + 4.0) / 8.0) * 8);
  if (static_cast<double>(channels) < 0.9 * exact) channels += 8;
  return std::min(channels, size);  // an axis of fewer than 8 channels stays whole
}

std::vector<std::int64_t> width_row(const Net& net, double ratio, WidthRounding rounding) {
  PLIANT_REQUIRE(UsageError, ratio > 0.0 && ratio <= 1.0, "a width is a ratio above 0 and at most 1, got ", ratio);
  std::vector<std::int64_t> row;
  for (const auto& axis : std::as_const(*net.store).axes()) {
    if (axis->plain()) row.push_back(rounded_width(axis->size(), ratio, rounding));
  }
  return row;
}

void add_widths(NetDescription& description, std::vector<double> ratios, WidthRounding rounding, WidthStatistics statistics) {
  PLIANT_REQUIRE(ConfigError, description.widths.empty(), description.name, ": has a table of ", description.widths.size() + 1, " widths already");
  PLIANT_REQUIRE(UsageError, !ratios.empty(), "widths: the list is empty; give ratios such as 0.25,0.5,0.75,1.0");
  std::sort(ratios.begin(), ratios.end(), std::greater<>());
  const Net plain = build_net(description);
  for (std::size_t i = 0; i < ratios.size(); ++i) {
    PLIANT_REQUIRE(UsageError, std::isfinite(ratios[i]) && ratios[i] > 0.0 && ratios[i] <= 1.0, "widths: a ratio is above 0 and at most 1, got ",
                   ratios[i]);
    PLIANT_REQUIRE(UsageError, i == 0 || ratios[i] != ratios[i - 1], "widths: ", ratios[i], " is given twice");
    if (ratios[i] == 1.0) continue;  // row 0
    description.widths.push_back(width_row(plain, ratios[i], rounding));
    description.width_ratios.push_back(ratios[i]);
  }
  description.batch_norm_sets = statistics == WidthStatistics::shared ? 1 : 1 + static_cast<int>(description.widths.size());
  description.shared_scale_shift = statistics == WidthStatistics::statistics;
}

int width_index(const NetDescription& description, double ratio) {
  std::string known = "1";
  if (ratio == 1.0) return 0;
  for (std::size_t i = 0; i < description.width_ratios.size(); ++i) {
    if (std::abs(description.width_ratios[i] - ratio) < 1e-9) return static_cast<int>(i) + 1;
    known += cat(", ", description.width_ratios[i]);
  }
  throw UsageError(cat("width ", ratio, ": ", description.name, " was built with the widths ", known));
}

double width_ratio(const NetDescription& description, int row) {
  PLIANT_REQUIRE(UsageError, row >= 0 && row <= static_cast<int>(description.widths.size()), description.name, ": row ", row,
                 " of the width table; there are ", description.widths.size() + 1);
  if (row == 0) return 1.0;
  if (!description.width_ratios.empty()) return description.width_ratios[static_cast<std::size_t>(row) - 1];
  NetDescription plain = description;
  plain.widths.clear();
  plain.batch_norm_sets = 1;
  const std::vector<std::int64_t> full = width_row(build_net(plain), 1.0, WidthRounding::truncate);
  const std::vector<std::int64_t>& sizes = description.widths[static_cast<std::size_t>(row) - 1];
  return static_cast<double>(std::accumulate(sizes.begin(), sizes.end(), std::int64_t{0})) /
         static_cast<double>(std::accumulate(full.begin(), full.end(), std::int64_t{0}));
}

}  // namespace pliant
