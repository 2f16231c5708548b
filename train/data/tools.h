// What `pliant data verify|convert|stats` does, without the printing. Faults of the data are DataError, like in
// load_data.
#pragma once

#include <string>
#include <vector>

#include "train/data/dataset.h"

namespace pliant {

struct PartSummary {
  std::string part;  // "train" or "test"
  std::int64_t images = 0;
  std::vector<std::int64_t> class_counts;
  Normalisation normalisation;  // measured on this part
};

// The whole data set as stored (after options.resize), before any split.
struct DataSummary {
  std::string name, format, folder;  // format as in format_name(), or "synthetic" with no folder
  int height = 0, width = 0, channels = 0;
  std::vector<std::string> class_names;
  std::vector<PartSummary> parts;
};

struct ChecksumResult {
  std::string file, expected, actual;  // MD5, hexadecimal
  bool matches() const { return expected == actual; }
};

struct VerifyReport {
  DataSummary summary;  // empty for an archive
  // The files whose official check sum is known. A converted or shortened set has the official names and other sums:
  // that is no fault of its form, so it is reported and not thrown.
  std::vector<ChecksumResult> checksums;
  // True if check sums are known and all match: the official data, byte for byte.
  bool official() const;
};

// Decodes every image of both parts: sizes, records, labels, names and counts are right, or DataError. A source that is
// an archive as distributed (cifar-10-binary.tar.gz, cifar-100-binary.tar.gz) is compared with its check sum: DataError
// if it differs. Known sums: those two, the six files of CIFAR-10's binary form, MNIST's four .gz files.
VerifyReport verify_data(const DataOptions& options);

// Counts, mean and deviation of both parts; options.validation and the limits play no part.
DataSummary data_stats(const DataOptions& options);

struct ConvertReport {
  std::string format, folder;
  std::vector<std::string> files;
  std::int64_t train_images = 0, test_images = 0;
};

// Writes a data set in a binary form that load_data reads: 32x32x3 of ten classes as CIFAR-10, grey of the ten digits
// as MNIST IDX; ConfigError for any other shape. destination must not exist or be an empty folder (ConfigError); it
// appears only once it is complete. FileError if it cannot be written.
ConvertReport convert_data(const DataOptions& options, const std::string& destination);

}  // namespace pliant
