#include "train/report/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "nets/json.h"
#include "train/files/atomic_file.h"
#include "train/files/text.h"

namespace pliant {
namespace {

// Below this all whole numbers are doubles.
constexpr double kExact = 9007199254740992.0;

bool is_whole(double number) { return std::abs(number) <= kExact && number == std::floor(number); }

std::string with_commas(double number) {
  std::string digits = fmt::format("{:.0f}", number == 0 ? 0.0 : number);
  const std::ptrdiff_t first = digits.front() == '-' ? 1 : 0;
  for (auto at = static_cast<std::ptrdiff_t>(digits.size()) - 3; at > first; at -= 3) {
    digits.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return digits == "-0" ? "0" : digits;
}

std::string shown(const Table::Cell& cell, Table::Format format) {
  if (cell.is_empty()) return "";
  if (cell.text()) return *cell.text();
  const double number = *cell.number();
  switch (format) {
    case Table::Format::text: return number_text(number);
    case Table::Format::integer: return with_commas(number);
    case Table::Format::percent: return fmt::format("{:.2f} %", 100.0 * number);
    case Table::Format::milliseconds: return fmt::format("{:.3f} ms", number);
    case Table::Format::number: return fmt::format("{:.6g}", number);
  }
  return "";
}

// Code points, which is what a terminal shows for the names that occur here.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

std::string plain(double number) {
  return is_whole(number) ? fmt::format("{:.0f}", number == 0 ? 0.0 : number) : number_text(number);
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

}  // namespace

Table::Table(std::vector<Column> columns) : columns_(std::move(columns)) {
  PLIANT_REQUIRE(ConfigError, !columns_.empty(), "a table needs at least one column");
  for (std::size_t i = 0; i < columns_.size(); ++i) {
    PLIANT_REQUIRE(ConfigError, !columns_[i].name.empty(), "table: column ", i, " has no name");
    for (std::size_t j = 0; j < i; ++j) {
      PLIANT_REQUIRE(ConfigError, columns_[i].name != columns_[j].name, "table: two columns are named ",
                     in_quotes(columns_[i].name));
    }
  }
}

void Table::add_row(Row row) {
  PLIANT_REQUIRE(ConfigError, row.size() == columns_.size(), "table: row ", rows_.size(), " has ", row.size(),
                 " cells, expected ", columns_.size());
  for (std::size_t i = 0; i < row.size(); ++i) {
    PLIANT_REQUIRE(Error, !row[i].number() || std::isfinite(*row[i].number()), "table: row ", rows_.size(), ", column ",
                   in_quotes(columns_[i].name), " is ", *row[i].number(), ", not a finite number");
  }
  rows_.push_back(std::move(row));
}

std::string Table::text() const {
  std::vector<std::vector<std::string>> lines(1 + rows_.size());
  for (const Column& column : columns_) lines[0].push_back(column.name);
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    for (std::size_t c = 0; c < columns_.size(); ++c) lines[r + 1].push_back(shown(rows_[r][c], columns_[c].format));
  }
  std::vector<std::size_t> widths(columns_.size(), 0);
  for (const auto& line : lines) {
    for (std::size_t c = 0; c < line.size(); ++c) widths[c] = std::max(widths[c], width_of(line[c]));
  }
  std::string out;
  for (const auto& line : lines) {
    std::string row;
    for (std::size_t c = 0; c < line.size(); ++c) {
      const std::string spaces(widths[c] - width_of(line[c]), ' ');
      row += (c == 0 ? "" : "  ") + (columns_[c].format == Format::text ? line[c] + spaces : spaces + line[c]);
    }
    row.erase(row.find_last_not_of(' ') + 1);
    out += row + "\n";
  }
  return out;
}

std::string Table::csv() const {
  std::string out;
  for (std::size_t c = 0; c < columns_.size(); ++c) out += (c == 0 ? "" : ",") + csv_field(columns_[c].name);
  out += "\n";
  for (const Row& row : rows_) {
    for (std::size_t c = 0; c < row.size(); ++c) {
      if (c != 0) out += ",";
      if (row[c].text()) out += csv_field(*row[c].text());
      if (row[c].number()) out += plain(*row[c].number());
    }
    out += "\n";
  }
  return out;
}

std::string Table::json() const {
  auto array = nlohmann::ordered_json::array();
  for (const Row& row : rows_) {
    nlohmann::ordered_json object;
    for (std::size_t c = 0; c < row.size(); ++c) {
      nlohmann::ordered_json& value = object[columns_[c].name];
      if (row[c].text()) value = *row[c].text();
      if (!row[c].number()) continue;
      const double number = *row[c].number();
      if (columns_[c].format == Format::integer && is_whole(number)) {
        value = static_cast<std::int64_t>(number);
      } else {
        value = number;
      }
    }
    array.push_back(std::move(object));
  }
  return json_text(array);
}

void Table::write(const std::string& path) const {
  if (path.ends_with(".csv")) return write_file_atomically(path, csv());
  if (path.ends_with(".json")) return write_file_atomically(path, json() + "\n");
  PLIANT_REQUIRE(UsageError, path.ends_with(".txt"), in_quotes(path), ": a table is written as .csv, .json or .txt");
  write_file_atomically(path, text());
}

}  // namespace pliant
