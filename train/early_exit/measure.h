// Measures early exits on a test split: samples really leave, and the time covers all that a user waits for between the
// normalised image on the device and the class on the host: trunk, heads, decisions, compaction. Whatever is compared takes
// turns on the same images, so that a machine's noise meets all alike. Labels are read after the last decision, for accuracies.
#pragma once

#include "train/early_exit/scores.h"

namespace pliant {

// Something that classifies the samples of a part: a net with a rule, or without thresholds through its last exit alone.
struct Contestant {
  const Net* net;
  const DeviceData* data;  // of the same images for all contestants, each with its own normalisation
  Selection select;
  ExitRule rule;
};
// The selection without its exits but the last, and the net as it then is.
Selection trunk_only(const Net& net, const Selection& select);
Contestant without_exits(const Net& net, const DeviceData& data, const Selection& select = {});

struct Measured {
  std::vector<std::int32_t> predictions, exits;  // [N] of all samples, in batches
  ExitFigures figures;                           // of all samples
  double batch_ms_per_image = 0.0;
  // At batch 1 over the timed samples, in milliseconds per sample.
  double median_ms = 0.0, p90_ms = 0.0, mean_ms = 0.0;
  // The same samples, each stage and head that ran timed alone: the median of a sample's sum, to be compared with median_ms,
  // and sum over exits of share times the medians of the parts up to it, to be compared with mean_ms.
  double parts_ms = 0.0, simulated_ms = 0.0;
};

struct MeasureOptions {
  std::int64_t batch = 128;
  std::int64_t timed = 500;  // samples at batch 1, evenly spaced over the part; all where it is smaller
};

// DataError where there is no sample, ConfigError for a wrong number of thresholds; results in the order of the contestants.
std::vector<Measured> measure(const std::vector<Contestant>& contestants, const MeasureOptions& options);

}  // namespace pliant
