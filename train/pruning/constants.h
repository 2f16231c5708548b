// What a channel whose filter is gone still contributes. A zero filter leaves f(shift - mean scale / sqrt(variance + epsilon)) behind
// its batch norm, the same everywhere. The papers drop it with the channel; where the next layer reads without padding it can be kept
// exactly, in that layer's bias or in the running mean of the batch norm behind it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nets/net.h"

namespace pliant {

// For each axis, the channels that stay. Moves the constants of the others into what reads them, where that is exact: axes of one layer
// with batch norm, read by 1x1 convolutions and linear layers alone that have a bias or batch norm. Returns these axes; the others lose
// their constants. Exact in eval mode. ConfigError for nets with several batch-norm sets.
std::vector<std::string> fold_constants(Net& net, const std::map<std::string, std::vector<std::int32_t>>& kept);

// Sets the filters (and biases) of all other channels to zero and leaves the batch norm behind them alone: the net that the constants
// are counted from.
void zero_filters(Net& net, const std::map<std::string, std::vector<std::int32_t>>& kept);

}  // namespace pliant
