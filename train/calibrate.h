// Recomputes running statistics as the plain average over some batches of training images, for each width of interest. Nets whose one
// batch-norm set served all widths in training need it before they are evaluated (Yu and Huang, "Universally slimmable networks",
// 2019, section 4.2).
#pragma once

#include "nets/net.h"
#include "train/device_data.h"

namespace pliant {

struct CalibrationOptions {
  std::int64_t batches = 20, batch = 128;
  std::uint64_t seed = 1;  // of the choice of images, and of dropout
};

// The description of the calibrated net: private statistics for each of `widths` (ratios; empty: the net's own). Where scale and shift
// are shared any width may be asked for; where they are private, those of the net alone (UsageError).
NetDescription calibrated_description(const Net& net, const std::vector<double>& widths);

// A copy of the net with that description, statistics recomputed for the asked widths, and for the full one where statistics were
// shared. Passes are those of training, but residual branches count as in eval mode and nothing is augmented.
// UsageError where the data has fewer images than batches times batch.
Net calibrate(const Net& net, const DeviceData& training, const std::vector<double>& widths, const CalibrationOptions& options);

}  // namespace pliant
