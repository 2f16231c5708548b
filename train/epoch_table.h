// A CSV file beside metrics.csv with figures per epoch: its first column is the epoch, and an epoch may have several rows. Rewritten
// atomically; after a resume it is what an uninterrupted run would have written.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant {

class EpochTable {
 public:
  // Starts the file with the header "epoch,<columns>", or continues it with its rows up to last_epoch (0: none). FileError where the
  // file that is continued has other columns.
  EpochTable(std::string path, const std::vector<std::string>& columns, std::int64_t last_epoch);

  // One value per column. Error if the file cannot be written.
  void append(std::int64_t epoch, const std::vector<std::vector<double>>& rows);

 private:
  void write() const;

  std::string path_, header_;
  std::size_t columns_;
  std::vector<std::string> lines_;
};

}  // namespace pliant
