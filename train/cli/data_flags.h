// The flags that choose a data set, shared by the verbs that read one.
#pragma once

#include <optional>
#include <string>

#include "train/data/dataset.h"

namespace CLI {
class App;
}

namespace pliant::cli {

struct DataFlags {
  std::string source;  // --data, or the environment variable PLIANT_DATA
  std::optional<std::string> dataset;
  std::optional<double> validation;
  std::optional<std::int64_t> limit_train, limit_test;
  std::optional<int> resize, decode_threads;
  std::optional<std::string> stream;
  std::optional<std::int64_t> memory_limit;  // MiB
  bool coarse_labels = false;

  // Puts what was given over what `options` holds.
  void apply(DataOptions& options) const;
};
// Where data is not `required`, the source may stay empty.
void add_data_flags(CLI::App& verb, DataFlags& flags, bool required = true);

}  // namespace pliant::cli
