// Who decides what a training step runs: the passes of a step with their Selections, drawn from the seed, the epoch and the batch
// alone, so that a resumed run draws the same.
#pragma once

#include <optional>
#include <vector>

#include "nets/net.h"
#include "train/dynamic_options.h"

namespace pliant {

struct PlannedPass {
  Selection select;
  bool taught = false;                          // learns the softmax of the step's first pass instead of the labels
  std::optional<double> statistics_momentum{};  // as in Pass
  bool operator==(const PlannedPass&) const = default;
};

class SelectionPolicy {
 public:
  // May add rows to the net's width table, which checkpoints do not keep: the random widths of universally slimmable nets.
  // Throws ConfigError for a rule that the net cannot follow.
  SelectionPolicy(Net& net, const DynamicOptions& options, std::uint64_t seed, std::int64_t epochs);

  // The passes of one step, the widest first; their gradients add up.
  std::vector<PlannedPass> passes(std::int64_t epoch, std::int64_t batch) const;

  // Widths and exits that the epoch trains: which row of the table in incremental training (narrowest first), which exit in
  // sequential training; -1: all of them.
  int grown_width(std::int64_t epoch) const;
  int only_exit(std::int64_t epoch) const;

 private:
  std::vector<int> widths_of_step(std::int64_t epoch, std::int64_t batch) const;
  IndexSet closed_blocks(std::int64_t epoch, std::int64_t batch) const;

  const Net& net_;
  DynamicOptions options_;
  std::uint64_t seed_;
  std::int64_t epochs_;
  bool universal_ = false;      // the sandwich rule on one batch-norm set: any width between the narrowest and the widest
  std::vector<int> candidates_;  // rows that the sandwich rule draws from
};

}  // namespace pliant
