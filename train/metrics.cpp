#include "train/metrics.h"

#include <array>
#include <filesystem>
#include <fstream>
#include <utility>

#include "core/check.h"
#include "train/files/atomic_file.h"
#include "train/files/text.h"

namespace pliant {
namespace {

// Every column with its field of the row, in order.
template <class Row, class Visit>
void visit_columns(Row& row, const MetricsColumns& columns, Visit&& visit) {
  visit("epoch", row.epoch);
  visit("step", row.step);
  visit("learning_rate", row.learning_rate);
  visit("train_loss", row.train_loss);
  visit("train_accuracy", row.train_accuracy);
  if (columns.top5) visit("train_top5_accuracy", row.train_top5);
  visit("validation_loss", row.validation_loss);
  visit("validation_accuracy", row.validation_accuracy);
  if (columns.top5) visit("validation_top5_accuracy", row.validation_top5);
  if (columns.test) {
    visit("test_loss", row.test_loss);
    visit("test_accuracy", row.test_accuracy);
    if (columns.top5) visit("test_top5_accuracy", row.test_top5);
  }
  visit("images_per_second", row.images_per_second);
  visit("seconds", row.seconds);
}

std::string text_of(std::int64_t value) { return std::to_string(value); }
std::string text_of(double value) { return number_text(value); }
std::string text_of(const std::optional<double>& value) { return value ? number_text(*value) : std::string(); }

std::string header(const MetricsColumns& columns) {
  std::string text;
  const MetricsRow row;
  visit_columns(row, columns, [&](const char* name, const auto&) { text += (text.empty() ? "" : ",") + std::string(name); });
  return text;
}

std::string row_text(const MetricsRow& row, const MetricsColumns& columns) {
  std::string text;
  bool first = true;
  visit_columns(row, columns, [&](const char*, const auto& value) {
    text += (first ? "" : ",") + text_of(value);
    first = false;
  });
  return text;
}

// Takes the fields of one line from left to right.
class Fields {
 public:
  Fields(const std::string& where, std::string_view line) : where_(where), rest_(line) {}

  template <class T>
  void take(T& value) {
    const std::string_view text = next();
    const auto parsed = parse_number<T>(text);
    PLIANT_REQUIRE(FileError, parsed, where_, "expected a number, got ", in_quotes(text));
    value = *parsed;
  }
  void take(std::optional<double>& value) {
    if (!done_ && (rest_.empty() || rest_.front() == ',')) {
      next();
      value.reset();
    } else {
      take(value.emplace());
    }
  }
  void finish() const { PLIANT_REQUIRE(FileError, done_, where_, "more fields than the header has columns"); }

 private:
  std::string_view next() {
    PLIANT_REQUIRE(FileError, !done_, where_, "fewer fields than the header has columns");
    const std::size_t comma = rest_.find(',');
    const std::string_view field = rest_.substr(0, comma);
    done_ = comma == std::string_view::npos;
    if (!done_) rest_.remove_prefix(comma + 1);
    return field;
  }

  const std::string& where_;
  std::string_view rest_;
  bool done_ = false;
};

MetricsRow parse_row(const std::string& where, std::string_view line, const MetricsColumns& columns) {
  Fields fields(where, line);
  MetricsRow row;
  visit_columns(row, columns, [&](const char*, auto& value) { fields.take(value); });
  fields.finish();
  return row;
}

}  // namespace

std::vector<MetricsRow> read_metrics(const std::string& path, MetricsColumns& columns) {
  std::ifstream in(path, std::ios::binary);
  PLIANT_REQUIRE(FileError, in, path, ": cannot be opened");
  std::string line;
  std::getline(in, line);
  bool known = false;
  for (const MetricsColumns& form : {MetricsColumns{}, {.test = true}, {.top5 = true}, {.test = true, .top5 = true}}) {
    if (line != header(form)) continue;
    columns = form;
    known = true;
  }
  PLIANT_REQUIRE(FileError, known, path, ":1: expected the columns ", header({}), ", got ", in_quotes(line, 200));
  std::vector<MetricsRow> rows;
  for (int number = 2; std::getline(in, line); ++number) {
    const std::string where = cat(path, ":", number, ": ");
    rows.push_back(parse_row(where, line, columns));
    PLIANT_REQUIRE(FileError, rows.size() == 1 || rows.back().epoch > rows[rows.size() - 2].epoch, where,
                   "the epochs do not increase");
  }
  return rows;
}

MetricsFile::MetricsFile(std::string path, const MetricsColumns& columns, std::vector<MetricsRow> rows)
    : path_(std::move(path)), columns_(columns), rows_(std::move(rows)) {
  write();
}

MetricsFile MetricsFile::create(const std::string& path, const MetricsColumns& columns) { return MetricsFile(path, columns, {}); }

MetricsFile MetricsFile::resume(const std::string& path, const MetricsColumns& columns, std::int64_t last_epoch) {
  if (!std::filesystem::exists(path)) return create(path, columns);
  MetricsColumns had;
  std::vector<MetricsRow> rows = read_metrics(path, had);
  PLIANT_REQUIRE(ConfigError, had.test == columns.test, path, ": was started ", had.test ? "with" : "without",
                 " --log-test; resume the run the same way");
  std::erase_if(rows, [&](const MetricsRow& row) { return row.epoch > last_epoch; });
  return MetricsFile(path, columns, std::move(rows));
}

void MetricsFile::append(const MetricsRow& row) {
  PLIANT_INVARIANT(rows_.empty() || row.epoch > rows_.back().epoch, "epoch ", row.epoch, " after ", rows_.back().epoch);
  rows_.push_back(row);
  write();
}

void MetricsFile::write() const {
  std::string text = header(columns_) + "\n";
  for (const MetricsRow& row : rows_) text += row_text(row, columns_) + "\n";
  write_file_atomically(path_, text);
}

}  // namespace pliant
