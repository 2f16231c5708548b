// The effective depth of a residual net: its accuracy after the deletion of blocks, at test time, without training again (Veit, Wilber,
// Belongie, "Residual networks behave like ensembles of relatively shallow networks", 2016).
#pragma once

#include "train/evaluate.h"

namespace pliant {

// Accuracy (0..1) of the last selected exit with each block alone deleted, first block first. ConfigError for a net without blocks.
std::vector<double> delete_each_block(const Net& net, const DeviceData& data, std::int64_t batch, const Selection& select);

struct RandomDeletion {
  int blocks = 0;  // deleted at once
  double accuracy = 0.0, deviation = 0.0;  // mean and standard deviation (of a sample) over the repeats
};
// ConfigError where `count` is not from 1 to the net's number of blocks. The choices of a seed are the same for every net of that depth.
RandomDeletion delete_random_blocks(const Net& net, const DeviceData& data, std::int64_t batch, const Selection& select, int count, int repeats,
                                    std::uint64_t seed);

}  // namespace pliant
