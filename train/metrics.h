// metrics.csv: one row of figures per epoch. The whole file is rewritten atomically, so it never holds half a row;
// after a resume it is what an uninterrupted run would have written, except for the two columns of times.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace pliant {

struct MetricsRow {
  std::int64_t epoch = 0;
  std::int64_t step = 0;       // steps done since the beginning of the run
  double learning_rate = 0;    // of the epoch's last step
  double train_loss = 0;       // mean over the epoch's samples, in training mode
  double train_accuracy = 0;   // 0..1
  std::optional<double> validation_loss, validation_accuracy;  // empty fields without a validation split
  std::optional<double> test_loss, test_accuracy;              // columns that exist with --log-test alone
  std::optional<double> train_top5, validation_top5, test_top5;  // top-5 accuracies: columns of nets with more than five classes
  double images_per_second = 0;
  double seconds = 0;
  bool operator==(const MetricsRow&) const = default;
};

struct MetricsColumns {  // that not every run has
  bool test = false, top5 = false;
  bool operator==(const MetricsColumns&) const = default;
};

class MetricsFile {
 public:
  // Starts a file with nothing but the header, replacing an older one. Error if it cannot be written.
  static MetricsFile create(const std::string& path, const MetricsColumns& columns);

  // Continues the file of an interrupted run, dropping every row after last_epoch; a missing file is created.
  // FileError for a malformed file, ConfigError if it was started with --log-test and goes on without, or the other way round.
  static MetricsFile resume(const std::string& path, const MetricsColumns& columns, std::int64_t last_epoch);

  // Error if the file cannot be written. Epochs must increase.
  void append(const MetricsRow& row);

  const std::vector<MetricsRow>& rows() const { return rows_; }

 private:
  MetricsFile(std::string path, const MetricsColumns& columns, std::vector<MetricsRow> rows);
  void write() const;

  std::string path_;
  MetricsColumns columns_;
  std::vector<MetricsRow> rows_;
};

// All rows of a file; columns says which of the optional columns it has. FileError that names the line.
std::vector<MetricsRow> read_metrics(const std::string& path, MetricsColumns& columns);

}  // namespace pliant
