// Sparse structure selection (Huang and Wang, "Data-driven sparse structure selection", 2018): residual branches whose trained factor
// is zero add nothing and go away as a whole.
#pragma once

#include <optional>
#include <vector>

#include "nets/net.h"

namespace pliant {

// Sets to zero and masks the factors of blocks that go: those that are zero, and with a ratio in (0, 1) the int(blocks ratio) smallest.
// Returns the blocks. ConfigError for a net without factors.
std::vector<int> prune_blocks(Net& net, std::optional<double> ratio);

// The net without factors: each one is multiplied into the last layer of its branch, or into scale and shift of the batch norm behind
// it. The logits stay. Blocks whose factor is zero are removed on the way.
Net fold_block_scales(const Net& net);

}  // namespace pliant
