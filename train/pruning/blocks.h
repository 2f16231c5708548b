// Sparse structure selection (Huang and Wang, "Data-driven sparse structure selection", 2018): residual branches whose trained factor
// is zero add nothing and go away as a whole.
#pragma once

#include <optional>
#include <vector>

#include "nets/net.h"

namespace pliant {

// The factors of all branches that are still there, by block.
struct BlockScale {
  int block = 0;
  Parameter* scale = nullptr;  // [1]
  double value = 0.0;          // 0 where it is masked
};
std::vector<BlockScale> block_scales(const Net& net);

// Sets to zero and masks the factors of blocks that go: those that are zero, and with a ratio in (0, 1) the int(blocks ratio) smallest.
// Returns the blocks. ConfigError for a net without factors.
std::vector<int> prune_blocks(Net& net, std::optional<double> ratio);

// The net without factors: each one is multiplied into the last layer of its branch, or into scale and shift of the batch norm behind
// it. The logits stay. Blocks whose factor is zero are removed on the way.
Net fold_block_scales(const Net& net);

}  // namespace pliant
