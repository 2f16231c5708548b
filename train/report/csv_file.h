// A CSV file with a line of names, as this program writes them (Table, metrics.csv) and RFC 4180 defines them, read whole.
// Figures are drawn from it; exact resuming reads metrics.csv with train/metrics.h instead.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace pliant {

class CsvFile {
 public:
  // FileError that names the file and the line: missing, no regular file, no names or two equal ones, a row with more or
  // fewer fields than names, a quote that is not closed or in the middle of a field.
  explicit CsvFile(const std::string& path);

  const std::string& path() const { return path_; }
  const std::vector<std::string>& columns() const { return columns_; }
  std::size_t size() const { return rows_.size(); }
  std::optional<std::size_t> find(const std::string& column) const;

  const std::string& text(std::size_t row, std::size_t column) const { return rows_.at(row).fields.at(column); }

  // One row's field as a number; nothing for an empty field. FileError that names line and column for anything else that
  // is no finite number.
  std::optional<double> number(std::size_t row, std::size_t column) const;

  // file:line of a row, for messages.
  std::string place(std::size_t row) const;

 private:
  struct Row {
    std::size_t line;
    std::vector<std::string> fields;
  };

  std::string path_;
  std::vector<std::string> columns_;
  std::vector<Row> rows_;
};

}  // namespace pliant
