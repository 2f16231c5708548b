// Which structure is worth its parameters (Liu et al., 2019, section 5): structures that pruning discovers, uniform ones and ones that
// follow its statistics, all trained from scratch with the same configuration.
//
//   channels                                            weights
//   big                sparsely trained                 big                trained
//   uniform-<r>        the same share in every layer    uniform-<r>        a random mask, the same share in every filter
//   discovered-<r>     slimming, one threshold          discovered-<r>     masks of the largest weights, one threshold
//   guided-<r>         each stage's mean share          guided-<r>         random masks with each stage's share at every position
//   source, transferred-<r>                             source, transferred-<r>   the statistics of another net on other data
//                                                       cross, centre, graded     cheaper kernels (NetDescription::kernel_shape)
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/compare/comparison.h"

namespace pliant {

struct StructureComparison {
  bool weights = false;                     // of channels otherwise
  std::vector<double> ratios = {0.4, 0.7};  // that go
  std::optional<NetDescription> from;       // the net that statistics are transferred from; it is trained on other_data
  std::vector<std::string> kernel_shapes;   // beside sparse weights
  std::int64_t floor = 1;                   // channels that slimming leaves in each layer at least
};

// config.optimizer.scale_sparsity is that of the nets which slimming prunes. UsageError for ratios, ConfigError for nets with channels or
// stages that do not fit.
Experiment structure_comparison(const NetDescription& net, const TrainConfig& config, const StructureComparison& what);

// run, series, seeds, error, deviation, parameters, macs, effective_macs, epochs.
Table structure_table(const Experiment& experiment, const std::vector<ComparedRow>& rows);
// One line: comparison, net, data, seeds, rows (the table's, with accuracies by seed).
std::string structure_json(const Experiment& experiment, const std::vector<std::uint64_t>& seeds, const std::vector<ComparedRow>& rows);

}  // namespace pliant
