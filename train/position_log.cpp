#include "train/position_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>

#include "core/check.h"
#include "train/files/atomic_file.h"
#include "train/files/text.h"
#include "train/pruning/magnitude.h"
#include "train/report/csv_file.h"

namespace pliant {

namespace {

constexpr std::size_t kDrawn = 20;
constexpr std::string_view kStep = "step ";

std::string pass_name(std::int64_t steps, const WeightCount& weights) {
  return fmt::format("{}{}: {:.2f} % left", kStep, steps, 100.0 * static_cast<double>(weights.left) / static_cast<double>(weights.all));
}

// Nothing for a text that pass_name() does not write.
std::optional<std::int64_t> steps_in(std::string_view name) {
  const std::size_t colon = name.find(':');
  if (!name.starts_with(kStep) || colon == std::string_view::npos) return std::nullopt;
  return parse_number<std::int64_t>(name.substr(kStep.size(), colon - kStep.size()));
}

std::vector<std::string> columns() {
  std::vector<std::string> names;
  const Table empty = pattern_table({});
  for (const Table::Column& column : empty.columns()) names.push_back(column.name);
  return names;
}

// Fills the shares of one pruning from the rows at `row`, and moves on behind them.
void read_shares(const CsvFile& file, std::size_t& row, std::vector<KernelPattern>& patterns) {
  const std::string name = file.text(row, 0);
  for (KernelPattern& pattern : patterns) {
    const std::string kernel = cat(pattern.rows, "x", pattern.columns);
    for (std::size_t tap = 0; tap < pattern.share.size(); ++tap, ++row) {
      PLIANT_REQUIRE(FileError, row < file.size(), file.path(), ": ends in the middle of the pass ", in_quotes(name));
      const auto place = static_cast<std::int64_t>(tap);
      const auto is = [&](std::size_t column, std::int64_t value) { return file.number(row, column) == static_cast<double>(value); };
      const bool expected = file.text(row, 0) == name && is(1, pattern.stage + 1) && file.text(row, 2) == kernel &&
                            is(3, place / pattern.columns + 1) && is(4, place % pattern.columns + 1);
      PLIANT_REQUIRE(FileError, expected, file.place(row), ": expected pass ", in_quotes(name), ", stage ", pattern.stage + 1, ", kernel ", kernel, ", row ",
                     place / pattern.columns + 1, ", column ", place % pattern.columns + 1, "; is this the file of another net?");
      const std::optional<double> share = file.number(row, 5);
      PLIANT_REQUIRE(FileError, share && *share >= 0.0 && *share <= 1.0, file.place(row), ": column \"kept\": expected a share from 0 to 1, got ",
                     in_quotes(file.text(row, 5)));
      pattern.share[tap] = *share;
    }
  }
}

bool has_3x3(const std::vector<KernelPattern>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [](const KernelPattern& one) { return one.rows == 3 && one.columns == 3; });
}

}  // namespace

bool PositionLog::has_positions(const Net& net) {
  const std::vector<KernelPattern> patterns = kernel_patterns(net);
  return std::any_of(patterns.begin(), patterns.end(), [](const KernelPattern& one) { return one.share.size() > 1; });
}

PositionLog::PositionLog(const Net& net, std::string path, std::int64_t last_step) : net_(net), path_(std::move(path)) {
  if (last_step > 0 && std::filesystem::exists(path_)) read(last_step);
  write();
}

void PositionLog::read(std::int64_t last_step) {
  const CsvFile file(path_);
  PLIANT_REQUIRE(FileError, file.columns() == columns(), path_, ":1: expected the columns pass,stage,kernel,row,column,kept");
  std::vector<KernelPattern> patterns = kernel_patterns(net_);
  std::int64_t previous = -1;
  for (std::size_t row = 0; row < file.size();) {
    const std::string name = file.text(row, 0), place = file.place(row);
    const std::optional<std::int64_t> steps = steps_in(name);
    PLIANT_REQUIRE(FileError, steps, place, ": expected a pass such as \"step 100: 50.00 % left\", got ", in_quotes(name));
    PLIANT_REQUIRE(FileError, *steps > previous, place, ": the steps do not increase");
    previous = *steps;
    read_shares(file, row, patterns);
    if (*steps > last_step) continue;
    last_ = *steps;
    lines_.emplace_back(name, patterns);
  }
}

void PositionLog::append(std::int64_t steps) {
  PLIANT_INVARIANT(steps > last_, "pruning after step ", steps, " behind the one after step ", last_);
  lines_.emplace_back(pass_name(steps, count_filter_weights(net_)), kernel_patterns(net_));
  last_ = steps;
  written_ = false;
}

void PositionLog::write() {
  if (written_) return;
  write_file_atomically(path_, pattern_table(lines_).csv());
  written_ = true;
}

void PositionLog::draw(const std::string& path) const {
  if (lines_.empty() || !has_3x3(lines_.front().second)) return;
  auto drawn = lines_;
  if (lines_.size() > kDrawn) {
    drawn.clear();
    for (std::size_t i = 0; i < kDrawn; ++i) drawn.push_back(lines_[i * (lines_.size() - 1) / (kDrawn - 1)]);
  }
  const std::string title = cat(net_.description.name, ": share of kept weights at each position of 3x3 kernels");
  write_file_atomically(path, pattern_svg(title, drawn, stage_names(stages_of(net_))));
}

}  // namespace pliant
