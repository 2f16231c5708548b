#include "train/epoch_table.h"

#include <fstream>
#include <limits>
#include <sstream>

#include "core/check.h"
#include "train/files/atomic_file.h"
#include "train/files/text.h"

namespace pliant {

EpochTable::EpochTable(std::string path, const std::vector<std::string>& columns, std::int64_t last_epoch)
    : path_(std::move(path)), header_("epoch"), columns_(columns.size()) {
  for (const std::string& column : columns) header_ += "," + column;
  std::ifstream in(path_, std::ios::binary);
  if (last_epoch > 0 && in) {
    std::string line;
    std::getline(in, line);
    PLIANT_REQUIRE(FileError, line == header_, path_, ":1: expected the columns ", header_.substr(0, 200), ", got ", in_quotes(line, 200));
    while (std::getline(in, line)) {
      const auto epoch = parse_number<std::int64_t>(std::string_view(line).substr(0, line.find(',')));
      PLIANT_REQUIRE(FileError, epoch, path_, ": a row does not begin with an epoch: ", in_quotes(line));
      if (*epoch <= last_epoch) lines_.push_back(line);
    }
  }
  write();
}

void EpochTable::append(std::int64_t epoch, const std::vector<std::vector<double>>& rows) {
  for (const std::vector<double>& row : rows) {
    PLIANT_INVARIANT(row.size() == columns_, path_, ": ", row.size(), " values for ", columns_, " columns");
    std::ostringstream line;
    line.precision(std::numeric_limits<float>::max_digits10);
    line << epoch;
    for (const double value : row) line << ',' << value;
    lines_.push_back(line.str());
  }
  write();
}

void EpochTable::write() const {
  std::string text = header_ + "\n";
  for (const std::string& line : lines_) text += line + "\n";
  write_file_atomically(path_, text);
}

}  // namespace pliant
