// The picture and the table of kernel patterns.
#include <algorithm>

#include <fmt/format.h>

#include "core/check.h"
#include "train/pruning/pattern.h"
#include "train/report/svg_canvas.h"

namespace pliant {

namespace {

constexpr double kCell = 36, kGap = 28, kEdge = 16, kTitle = 28, kText = 12, kHeading = 22;
constexpr double kDark = 0.6;  // from this share on a cell's number is white

bool is_3x3(const KernelPattern& pattern) { return pattern.rows == 3 && pattern.columns == 3; }

std::string shade(double share) {
  const auto mix = [&](double white, double full) { return static_cast<int>(white + (full - white) * std::clamp(share, 0.0, 1.0) + 0.5); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(247, 8), mix(251, 48), mix(255, 107));
}

void draw_grid(SvgCanvas& canvas, double left, double top, const KernelPattern& pattern) {
  for (std::size_t tap = 0; tap < pattern.share.size(); ++tap) {
    const double x = left + kCell * static_cast<double>(tap % 3), y = top + kCell * static_cast<double>(tap / 3), share = pattern.share[tap];
    canvas.rectangle(x, y, kCell - 1, kCell - 1, shade(share));
    // The canvas writes in black; a light square keeps numbers on dark cells readable.
    if (share >= kDark) canvas.rectangle(x + 4, y + kCell / 2 - 8, kCell - 9, 15, "#ffffff");
    canvas.text(x + kCell / 2, y + kCell / 2, fmt::format("{:.2f}", share), kText - 1, TextAnchor::middle);
  }
}

}  // namespace

std::string pattern_svg(const std::string& title, const std::vector<std::pair<std::string, std::vector<KernelPattern>>>& lines,
                        const std::vector<std::string>& stage_names) {
  std::vector<int> stages;
  double names = 0.0;
  for (const auto& [name, patterns] : lines) {
    names = std::max(names, text_width(name, kText));
    for (const KernelPattern& pattern : patterns) {
      if (is_3x3(pattern) && std::find(stages.begin(), stages.end(), pattern.stage) == stages.end()) stages.push_back(pattern.stage);
    }
  }
  PLIANT_REQUIRE(ConfigError, !stages.empty(), title, ": the net has no 3x3 kernels to draw");
  std::sort(stages.begin(), stages.end());
  double column = 3 * kCell;
  for (const int stage : stages) column = std::max(column, text_width(stage_names.at(static_cast<std::size_t>(stage)), kText));
  const double left = kEdge + names + (names > 0.0 ? kGap : 0.0), first = kEdge + kTitle + kHeading;
  SvgCanvas canvas;
  canvas.text(kEdge, kEdge + kTitle / 2, title, kText + 2, TextAnchor::start, false, true);
  for (std::size_t i = 0; i < stages.size(); ++i) {
    canvas.text(left + (column + kGap) * static_cast<double>(i), first - kHeading / 2, stage_names[static_cast<std::size_t>(stages[i])], kText);
  }
  double top = first;
  for (const auto& [name, patterns] : lines) {
    canvas.text(kEdge, top + 1.5 * kCell, name, kText);
    for (const KernelPattern& pattern : patterns) {
      if (!is_3x3(pattern)) continue;
      const auto place = std::find(stages.begin(), stages.end(), pattern.stage) - stages.begin();
      draw_grid(canvas, left + (column + kGap) * static_cast<double>(place), top, pattern);
    }
    top += 3 * kCell + kGap;
  }
  const double width = std::max(left + (column + kGap) * static_cast<double>(stages.size()), 2 * kEdge + text_width(title, kText + 2));
  return canvas.document(width, top - kGap + kEdge, title);
}

Table pattern_table(const std::vector<std::pair<std::string, std::vector<KernelPattern>>>& lines) {
  using Format = Table::Format;
  Table table({{"pass"}, {"stage", Format::integer}, {"kernel"}, {"row", Format::integer}, {"column", Format::integer}, {"kept", Format::percent}});
  for (const auto& [name, patterns] : lines) {
    for (const KernelPattern& pattern : patterns) {
      for (std::size_t tap = 0; tap < pattern.share.size(); ++tap) {
        const auto place = static_cast<std::int64_t>(tap);
        table.add_row({name, pattern.stage + 1, cat(pattern.rows, "x", pattern.columns), place / pattern.columns + 1, place % pattern.columns + 1,
                       pattern.share[tap]});
      }
    }
  }
  return table;
}

}  // namespace pliant
