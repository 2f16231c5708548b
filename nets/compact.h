// From a masked net to the really smaller one: masked channels of every axis and residual branches whose factor is zero go away, and
// the builder makes the same net from a description that says what is left. Both compute the same logits, in training too.
#pragma once

#include <functional>

#include "nets/zoo.h"

namespace pliant {

// Makes a net from its description. Nets that are not in the zoo bring their own.
using NetBuild = std::function<Net(const NetDescription&)>;

// The structure that is left. ConfigError, naming the axis, where a mask leaves no channel, keeps none of a row of the width table, or
// lies on a concatenation (its parts or a selection take masks instead).
NetDescription compacted_description(const Net& net, const NetBuild& build = build_net);

// The smaller net in the same context and dtype: every parameter and buffer packed, masks of parameters too; axes have no masks
// any more. Frozen marks are not carried. A net without masks comes out as it is.
Net compact(const Net& net, const NetBuild& build = build_net);

// An arena laid out like net.store->values(), such as an optimizer's state, as it belongs to `smaller`, which compact() made of net.
Tensor compact_arena(const Net& net, const Net& smaller, const Tensor& arena);

// The trained factors of the residual branches that are still there, by block.
struct BlockScale {
  int block = 0;
  Parameter* scale = nullptr;  // [1]
  double value = 0.0;          // 0 where it is masked
};
std::vector<BlockScale> block_scales(const Net& net);

// Channels that masks leave, as positions on the axis as it is now: of a selection those that its stream keeps too, of a concatenation
// those that its parts keep. All where there is no mask.
std::vector<std::int32_t> kept_channels(const ChannelAxis& axis);

// Masks every channel of the axis that is not among `kept` (ascending positions). An axis that keeps all has no mask.
void keep_channels(Context& context, DType dtype, ChannelAxis& axis, const std::vector<std::int32_t>& kept);

}  // namespace pliant
