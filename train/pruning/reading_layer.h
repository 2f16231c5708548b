// The one convolution or linear layer that reads the channels of an axis, and what is around it: what reconstruction after pruning
// looks at and changes. It points into the net.
#pragma once

#include "nets/graph.h"

namespace pliant {

struct ReadingLayer {
  std::string name;
  ChannelAxis* axis = nullptr;          // of its input channels
  Parameter* weight = nullptr;          // {K, R, S, C}; of a linear layer R x S is the whole map
  Parameter* bias = nullptr;            // [K]; null: none
  Parameter *scale = nullptr, *mean = nullptr, *variance = nullptr;  // of the batch norm right behind it; null: none
  std::string block;                    // the residual block whose branch it ends; empty: none
  double block_factor = 1.0;            // of that branch in eval mode: its survival probability times its trained factor
  Conv2dGeometry geometry{};
  Shape output;                         // [1, P, Q, K], of a linear layer [1, 1, 1, K]
  std::size_t place = 0;                // in the order in which layers run

  std::int64_t channels() const { return weight->dims[3].size; }
  std::int64_t taps() const { return weight->dims[1].size * weight->dims[2].size; }
  std::int64_t outputs() const { return weight->dims[0].size; }
};

// The layer that reads `axis` (or the channels that this layer writes). UsageError where the net has no such axis. ConfigError, with the
// reason, where ThiNet and regression have no layer to rebuild: the channels are shared by a sum or a concatenation, cannot be removed,
// or several layers or none read them; where the reader's taps are no rectangle or have a mask; where the net has several widths.
ReadingLayer reading_layer(const Net& net, const std::vector<ChannelGroup>& groups, const std::string& axis);

}  // namespace pliant
