// A table of results as data: named columns with a format, rows of cells; shown as aligned text, CSV or JSON. Whoever
// measures fills it; it computes nothing. Only the aligned text is rounded and has units: CSV and JSON keep every digit,
// fractions stay 0 to 1, milliseconds stay milliseconds.
#pragma once

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace pliant {

class Table {
 public:
  enum class Format {
    text,          // as it is
    integer,       // 1,234,567; rounded to a whole number in text
    percent,       // the fraction 0.9234 as 92.34 %
    milliseconds,  // 1.250 ms
    number,        // six significant digits in text
  };

  struct Column {
    std::string name;  // heading, first line of the CSV and key in JSON
    Format format = Format::text;
  };

  // Text, a finite number, or nothing (an empty field in text and CSV, null in JSON). A cell of any column may be text,
  // such as "failed". Whole numbers are exact up to 2^53.
  class Cell {
   public:
    Cell() = default;
    Cell(std::nullopt_t) {}
    Cell(const char* text) : kind_(Kind::text), text_(text) {}
    Cell(std::string text) : kind_(Kind::text), text_(std::move(text)) {}
    template <class T>
      requires(std::integral<T> || std::floating_point<T>)
    Cell(T number) : kind_(Kind::number), number_(static_cast<double>(number)) {}
    template <class T>
    Cell(const std::optional<T>& value) : Cell(value ? Cell(*value) : Cell()) {}

    bool is_empty() const { return kind_ == Kind::empty; }
    const std::string* text() const { return kind_ == Kind::text ? &text_ : nullptr; }
    const double* number() const { return kind_ == Kind::number ? &number_ : nullptr; }

   private:
    enum class Kind : std::uint8_t { empty, text, number };
    Kind kind_ = Kind::empty;
    std::string text_;
    double number_ = 0.0;
  };
  using Row = std::vector<Cell>;

  // ConfigError unless there is a column, and every column has a name of its own.
  explicit Table(std::vector<Column> columns);

  // ConfigError unless there is one cell per column; Error that names row and column for a number that is not finite.
  void add_row(Row row);

  const std::vector<Column>& columns() const { return columns_; }
  const std::vector<Row>& rows() const { return rows_; }

  // Headings and rows, two spaces between columns, numbers to the right; every line ends with a newline.
  std::string text() const;
  // RFC 4180 with "\n" at the ends of lines, the names first.
  std::string csv() const;
  // An array of objects with the columns' names as keys, in their order, on one line without a newline.
  std::string json() const;

  // csv(), json() or text() by the path's ending .csv, .json or .txt. UsageError for another ending, Error if the file
  // cannot be written.
  void write(const std::string& path) const;

 private:
  std::vector<Column> columns_;
  std::vector<Row> rows_;
};

}  // namespace pliant
