// What a comparison of pruning with training from scratch says: columns with mean and deviation, costs of training with and without
// the big net's, what was kept over the seeds, and the files that show it.
#pragma once

#include "train/compare/comparison.h"
#include "train/compare/pruning_plan.h"
#include "train/pruning/pattern.h"

namespace pliant {

// A row with what training the net that was pruned cost on top; for the big nets themselves both are the same.
struct PruningColumn {
  ComparedRow row;
  double seconds_with_big = 0.0, training_macs_with_big = 0.0;
};
std::vector<PruningColumn> pruning_columns(const PruningComparison& what, const std::vector<ComparedRow>& rows);
Table pruning_table(const std::vector<PruningColumn>& columns);

// What pruning left of one architecture, over the seeds.
struct KeptStructure {
  std::string architecture;
  std::vector<KeptRow> channels;             // empty: the net has none to remove
  std::vector<KernelPattern> patterns;       // of unstructured methods
};
// Reads the nets that fine-tuning began with.
std::vector<KeptStructure> kept_structures(Context& context, const std::string& out, const PruningComparison& what,
                                           const std::vector<std::uint64_t>& seeds);

struct PruningReport {
  const Experiment& experiment;
  const PruningComparison& what;
  std::vector<std::uint64_t> seeds;
  std::vector<PruningColumn> columns;
  std::vector<KeptStructure> kept;
};
// One line: comparison, net, data, seeds, method, budget, counted; unpruned, and sparse where there is one; finetuned, scratch_e and
// scratch_b of the first architecture, architectures with those of each, kept, patterns. A column: mean, std (null for one seed), runs
// (accuracies by seed), epochs (mean), epochs_by_seed, before, parameters, macs, effective_macs, training_macs, seconds, and the last two
// with_big.
std::string pruning_json(const PruningReport& report);
std::string pruning_text(const PruningReport& report);
// comparison.txt, .csv, .json, .svg, and for each architecture kept-<name>.svg and kept-<name>-stages.svg, or for unstructured methods
// patterns.svg.
void write_pruning_report(const std::string& folder, const PruningReport& report);

}  // namespace pliant
