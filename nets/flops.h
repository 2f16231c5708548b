// The count of operations that the experiments of Liu et al. ("Rethinking the value of network pruning", 2019) give as "FLOPs", and the
// training budgets that follow from it. It is neither MACs nor twice the MACs; cost() in nets/net.h counts those.
#pragma once

#include "nets/net.h"

namespace pliant {

// For one image at the full width, as the authors' program counts:
//   convolution  (2 R S C / groups + bias) K H W      linear       2 in out + out        batch norm of a map  2 per element
//   ReLU         1 per element                        max pooling  the elements it reads
// It sees the layers that are modules there. Hence the last average over the map counts the elements it reads but for VGG; the
// average pools of transitions and shortcuts, additions and batch norm of vectors count nothing.
std::int64_t repo_flops(const Net& net);

// Epochs of Scratch-B: as much computation as base epochs of the big net, base * big / pruned, truncated.
// UsageError for counts that are not positive.
int scratch_b_epochs(int base, std::int64_t flops_big, std::int64_t flops_pruned);

}  // namespace pliant
