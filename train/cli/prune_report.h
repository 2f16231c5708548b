// What `pliant prune` tells: the nets before, masked, removed and fine-tuned side by side, and why a layer was pruned as it was.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/latency.h"
#include "train/pruning/prune.h"

namespace pliant::cli {

struct PruneRow {
  std::string net;                   // before, masked, removed, fine-tuned
  std::int64_t parameters = 0, macs = 0;
  std::int64_t nonzero = 0;          // parameters without those that masks make zero
  std::optional<double> accuracy;    // 0..1
  std::optional<Timing> time;
};
PruneRow prune_row(const std::string& name, const Net& net);

struct PruneReport {
  PruneOptions options;
  Pruning pruning;
  std::vector<PruneRow> rows;
  std::int64_t time_batch = 0;
  double largest_difference = 0.0;              // of the logits, masked against removed
  std::optional<double> constants_difference;   // of the logits, against the net whose filters are zero and whose constants stay
  std::map<std::string, std::vector<std::int32_t>> kept;  // of every axis that lost channels, as it was made by the builder
  std::vector<int> removed_blocks;              // all that are gone
  std::string checkpoint;                       // empty: nothing was written
};

std::string to_json(const PruneReport& report);
std::string to_text(const PruneReport& report);

// Channel by channel: score, whether it stays, and the multiply-accumulates that it costs in this layer and the next.
std::string explain_text(const Net& net, const Pruning& pruning, const std::string& layer);

}  // namespace pliant::cli
