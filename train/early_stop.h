// Early stopping: remembers the best epoch by the validation accuracy and says when to give up. It also decides which
// epoch is "best", with or without a patience. A plain value; the checkpoint saves it.
#pragma once

#include <cstdint>
#include <limits>

namespace pliant {

struct EarlyStop {
  std::int64_t patience = 0;  // epochs without improvement that end the run; 0: never
  std::int64_t best_epoch = 0;  // epochs count from 1; 0: none yet
  double best = -std::numeric_limits<double>::infinity();

  // True if this epoch's validation accuracy is above all before it. NaN never is; of equal epochs the first is best.
  bool observe(std::int64_t epoch, double validation_accuracy) {
    if (!(validation_accuracy > best)) return false;
    best = validation_accuracy;
    best_epoch = epoch;
    return true;
  }

  bool should_stop(std::int64_t epoch) const { return patience > 0 && epoch - best_epoch >= patience; }
};

}  // namespace pliant
