// Who decides what a training step runs: the passes of a step with their Selections, drawn from the seed, the epoch and the batch
// alone, so that a resumed run draws the same. SelectionPolicy is open: a program hands its own one to the Trainer.
#pragma once

#include <optional>
#include <string>
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
  virtual ~SelectionPolicy() = default;

  // Recorded with a run, which no other policy resumes. A policy with settings of its own names them too.
  virtual std::string name() const = 0;

  // The passes of one step, at least one, the widest first; their gradients add up. epoch and batch count from 0. Must depend on them and
  // on what the policy was made with alone.
  virtual std::vector<PlannedPass> passes(std::int64_t epoch, std::int64_t batch) const = 0;

  // The row of the width table that the epoch grows, with the weights of all narrower rows held (incremental training); -1: none.
  virtual int grown_width(std::int64_t) const { return -1; }
};

// The policy of a run that brings none: what DynamicOptions and the description of the net ask for.
class DynamicPolicy : public SelectionPolicy {
 public:
  // May add rows to the net's width table, which checkpoints do not keep: the random widths of universally slimmable nets.
  // Throws ConfigError for a rule that the net cannot follow.
  DynamicPolicy(Net& net, const DynamicOptions& options, std::uint64_t seed, std::int64_t epochs);

  std::string name() const override { return "dynamic"; }
  std::vector<PlannedPass> passes(std::int64_t epoch, std::int64_t batch) const override;
  int grown_width(std::int64_t epoch) const override;

 private:
  int only_exit(std::int64_t epoch) const;  // that sequential training trains; -1: all of them
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
