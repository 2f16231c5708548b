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

constexpr const char* kColumns =
    "epoch,step,learning_rate,train_loss,train_accuracy,validation_loss,validation_accuracy,";
constexpr const char* kTestColumns = "test_loss,test_accuracy,";
constexpr const char* kTimeColumns = "images_per_second,seconds";

std::string header(bool with_test) { return cat(kColumns, with_test ? kTestColumns : "", kTimeColumns); }

std::string optional_text(const std::optional<double>& value) { return value ? number_text(*value) : std::string(); }

std::string row_text(const MetricsRow& row, bool with_test) {
  std::string test;
  if (with_test) test = cat(optional_text(row.test_loss), ',', optional_text(row.test_accuracy), ',');
  return cat(row.epoch, ',', row.step, ',', number_text(row.learning_rate), ',', number_text(row.train_loss), ',',
             number_text(row.train_accuracy), ',', optional_text(row.validation_loss), ',',
             optional_text(row.validation_accuracy), ',', test, number_text(row.images_per_second), ',',
             number_text(row.seconds));
}

// Takes the fields of one line from left to right.
class Fields {
 public:
  Fields(const std::string& where, std::string_view line) : where_(where), rest_(line) {}

  template <class T>
  T number() {
    const std::string_view text = next();
    const auto value = parse_number<T>(text);
    PLIANT_REQUIRE(FileError, value, where_, "expected a number, got ", in_quotes(text));
    return *value;
  }
  std::optional<double> optional() {
    if (!done_ && (rest_.empty() || rest_.front() == ',')) {
      next();
      return std::nullopt;
    }
    return number<double>();
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

MetricsRow parse_row(const std::string& where, std::string_view line, bool with_test) {
  Fields fields(where, line);
  MetricsRow row;
  row.epoch = fields.number<std::int64_t>();
  row.step = fields.number<std::int64_t>();
  row.learning_rate = fields.number<double>();
  row.train_loss = fields.number<double>();
  row.train_accuracy = fields.number<double>();
  row.validation_loss = fields.optional();
  row.validation_accuracy = fields.optional();
  if (with_test) {
    row.test_loss = fields.optional();
    row.test_accuracy = fields.optional();
  }
  row.images_per_second = fields.number<double>();
  row.seconds = fields.number<double>();
  fields.finish();
  return row;
}

}  // namespace

std::vector<MetricsRow> read_metrics(const std::string& path, bool& with_test) {
  std::ifstream in(path, std::ios::binary);
  PLIANT_REQUIRE(FileError, in, path, ": cannot be opened");
  std::string line;
  std::getline(in, line);
  with_test = line == header(true);
  PLIANT_REQUIRE(FileError, with_test || line == header(false), path, ":1: expected the columns ", header(false),
                 ", got ", in_quotes(line, 200));
  std::vector<MetricsRow> rows;
  for (int number = 2; std::getline(in, line); ++number) {
    const std::string where = cat(path, ":", number, ": ");
    rows.push_back(parse_row(where, line, with_test));
    PLIANT_REQUIRE(FileError, rows.size() == 1 || rows.back().epoch > rows[rows.size() - 2].epoch, where,
                   "the epochs do not increase");
  }
  return rows;
}

MetricsFile::MetricsFile(std::string path, bool with_test, std::vector<MetricsRow> rows)
    : path_(std::move(path)), with_test_(with_test), rows_(std::move(rows)) {
  write();
}

MetricsFile MetricsFile::create(const std::string& path, bool with_test) { return MetricsFile(path, with_test, {}); }

MetricsFile MetricsFile::resume(const std::string& path, bool with_test, std::int64_t last_epoch) {
  if (!std::filesystem::exists(path)) return create(path, with_test);
  bool had_test = false;
  std::vector<MetricsRow> rows = read_metrics(path, had_test);
  PLIANT_REQUIRE(ConfigError, had_test == with_test, path, ": was started ", had_test ? "with" : "without",
                 " --log-test; resume the run the same way");
  std::erase_if(rows, [&](const MetricsRow& row) { return row.epoch > last_epoch; });
  return MetricsFile(path, with_test, std::move(rows));
}

void MetricsFile::append(const MetricsRow& row) {
  PLIANT_INVARIANT(rows_.empty() || row.epoch > rows_.back().epoch, "epoch ", row.epoch, " after ", rows_.back().epoch);
  rows_.push_back(row);
  write();
}

void MetricsFile::write() const {
  std::string text = header(with_test_) + "\n";
  for (const MetricsRow& row : rows_) text += row_text(row, with_test_) + "\n";
  write_file_atomically(path_, text);
}

}  // namespace pliant
