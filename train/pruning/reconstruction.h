// Pruning by reconstruction: channels go where the layer that reads them can do without them, and that layer is rebuilt so that its output
// changes least. The results are masks of axes (nets/compact.h makes the net smaller) and new values of the reading layers.
//   ThiNet      Luo, Wu, Lin, ICCV 2017: greedy choice by sampled contributions, eq. 6, and a factor per kept channel, eq. 7 and 8.
//   regression  He, Zhang, Sun, ICCV 2017: choice by LASSO, eq. 2, and new weights by linear regression, eq. 4.
#pragma once

#include <functional>

#include "train/pruning/samples.h"

namespace pliant {

struct AxisRatio {
  std::string axis;       // or the layer that writes it
  double removed = 0.5;   // share of the channels that are left, [0, 1): int(C (1 - removed)) are kept (keep.h)
  std::int64_t kept = 0;  // or so many are kept; 0: by the share
};

struct ReconstructionOptions {
  SampleOptions samples{};
  std::function<void(const std::string& axis)> after_axis{};  // called once an axis is done: brief fine-tuning, progress
};

struct ReconstructedAxis {
  std::string axis, layer;          // layer: the one that was rebuilt
  std::vector<std::int64_t> kept;   // positions on the axis, ascending
  std::int64_t samples = 0;         // rows of the least-squares problem
  double removal_error = 0.0;       // squared error of the sampled outputs relative to their squares, channels gone, values as they were
  double error = 0.0;               // the same with the rebuilt layer
};

// Both go through the plan from the front of the net to its back, whatever its order. Everything is checked before anything changes:
// UsageError for an axis that the net does not have, ConfigError for one whose channels more or less than one layer reads
// (reading_layer.h), for a share or count that keeps nothing or more than there is, for an axis named twice, for fewer samples than
// unknowns, and for images of another size than the net takes.

// Sampled on `net` as it is when the axis's turn comes, earlier axes masked. Weights of kept input channels are multiplied by w.
std::vector<ReconstructedAxis> prune_thinet(Net& net, const DeviceData& data, const std::vector<AxisRatio>& plan,
                                            const ReconstructionOptions& options = {});

// Inputs X come from `pruned` as it is when the axis's turn comes, targets Y from `original`, a net of the same description and values
// before pruning (ConfigError otherwise). The kept input channels of the reading layer get new weights, the others 0. The intercept goes
// into its bias, or else into the running mean of the batch norm behind it; where there is neither, the regression has none.
// A layer that ends a residual branch also makes up for what the shortcut has lost: its target in the sum is Y1 - Y1' + Y2, with Y1 and
// Y1' what the shortcut carries in the original and in the pruned net and Y2 the original branch (He et al., section 3.3).
// Of the norm's channels with factors a, those below 1e-3 of the largest are left out of that: they could not carry it.
std::vector<ReconstructedAxis> prune_regression(Net& pruned, const Net& original, const DeviceData& data, const std::vector<AxisRatio>& plan,
                                                const ReconstructionOptions& options = {});

}  // namespace pliant
