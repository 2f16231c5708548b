#include "train/report/csv_file.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>

#include "core/check.h"
#include "train/files/text.h"

namespace pliant {
namespace {

// Takes records from a text one after another.
class Records {
 public:
  Records(const std::string& path, std::string_view text) : path_(path), text_(text) {}

  bool done() const { return at_ == text_.size(); }
  std::size_t line() const { return line_; }

  std::vector<std::string> next() {
    std::vector<std::string> fields{field()};
    while (!done() && text_[at_] == ',') {
      ++at_;
      fields.push_back(field());
    }
    if (!done() && text_[at_] == '\r') ++at_;
    PLIANT_REQUIRE(FileError, done() || text_[at_] == '\n', path_, ":", line_, ": expected a comma or the end of the line after field ",
                   fields.size());
    if (!done()) ++at_;
    ++line_;
    return fields;
  }

 private:
  std::string field() {
    if (done() || text_[at_] != '"') {
      const std::size_t end = std::min(text_.find_first_of(",\"\r\n", at_), text_.size());
      const std::string_view plain = text_.substr(at_, end - at_);
      at_ = end;
      return std::string(plain);
    }
    std::string value;
    const std::size_t opened = line_;
    for (++at_; !done(); ++at_) {
      if (text_[at_] == '"') {
        if (++at_ == text_.size() || text_[at_] != '"') return value;
      }
      if (text_[at_] == '\n') ++line_;
      value += text_[at_];
    }
    throw FileError(cat(path_, ":", opened, ": a quoted field has no end"));
  }

  const std::string& path_;
  std::string_view text_;
  std::size_t at_ = 0, line_ = 1;
};

}  // namespace

CsvFile::CsvFile(const std::string& path) : path_(path) {
  std::error_code ignored;
  PLIANT_REQUIRE(FileError, std::filesystem::is_regular_file(path, ignored), path, ": no such file");
  std::ifstream in(path, std::ios::binary);
  PLIANT_REQUIRE(FileError, in, path, ": cannot be opened");
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  Records records(path_, text);
  PLIANT_REQUIRE(FileError, !records.done(), path, ": empty, expected a line with the names of columns");
  columns_ = records.next();
  for (auto name = columns_.begin(); name != columns_.end(); ++name) {
    PLIANT_REQUIRE(FileError, std::find(columns_.begin(), name, *name) == name, path, ":1: two columns are named ", in_quotes(*name));
  }
  while (!records.done()) {
    const std::size_t line = records.line();
    rows_.push_back({line, records.next()});
    PLIANT_REQUIRE(FileError, rows_.back().fields.size() == columns_.size(), path, ":", line, ": ", rows_.back().fields.size(),
                   " fields, expected ", columns_.size(), " as in the first line");
  }
}

std::optional<std::size_t> CsvFile::find(const std::string& column) const {
  const auto found = std::find(columns_.begin(), columns_.end(), column);
  if (found == columns_.end()) return std::nullopt;
  return static_cast<std::size_t>(found - columns_.begin());
}

std::optional<double> CsvFile::number(std::size_t row, std::size_t column) const {
  const std::string& field = rows_.at(row).fields.at(column);
  if (field.empty()) return std::nullopt;
  const auto value = parse_number<double>(field);
  PLIANT_REQUIRE(FileError, value && std::isfinite(*value), place(row), ": column ", in_quotes(columns_[column]),
                 ": expected a finite number, got ", in_quotes(field));
  return value;
}

std::string CsvFile::place(std::size_t row) const { return cat(path_, ":", rows_.at(row).line); }

}  // namespace pliant
