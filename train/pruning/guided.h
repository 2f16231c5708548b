// Structures that follow statistics of a pruned net instead of its weights (Liu et al., 2019, section 5): every layer of a stage gets
// the stage's share of channels, every kernel of a stage a random mask with the stage's share at each position. The statistics may come
// from another net on other data, as long as both have the same number of stages.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "train/pruning/pattern.h"

namespace pliant {

// Kept channels over all channels of a stage; no value where the stage has none to remove.
struct StageShares {
  std::vector<std::optional<double>> layers;      // of axes that one layer writes
  std::vector<std::optional<double>> selections;  // of a stream's channels
};
StageShares stage_shares(const Net& pruned);

// The description with round(share * channels) channels, one at least, on each axis that one layer writes, and as many on each selection
// behind a batch norm, spread evenly over the stream. Stages without a value stay whole. ConfigError where the stages are not as many, or for a
// description of which channels were already removed.
NetDescription with_stage_shares(const NetDescription& net, const StageShares& shares);
// The same share in (0, 1] for every such axis.
NetDescription with_uniform_share(const NetDescription& net, double share);

// Sets the mask of every filter: a weight stays with the probability that its stage's pattern gives its position, drawn by seed and the
// filter's name. Filters of a size that the patterns lack take the mean over the stage; where that lacks too, they stay whole. A filter
// keeps one weight at least. ConfigError where the net has not `stages` stages.
void mask_by_patterns(Net& net, const std::vector<KernelPattern>& patterns, int stages, std::uint64_t seed);
// The same probability everywhere.
void mask_uniformly(Net& net, double share, std::uint64_t seed);

}  // namespace pliant
