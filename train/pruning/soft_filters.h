// Soft filter pruning (He et al., "Soft filter pruning for accelerating deep convolutional neural networks", 2018; methods 8.2): after
// each epoch the filters with the smallest L2 norm become zero and train on; those that are zero at the end go. It prunes
// convolutions whose output channels are their own, not those of a residual or dense stream. Their channels are masked while the
// net is evaluated, batch norm's shift with them: so the net with masks is exactly the net without these filters.
#pragma once

#include "nets/graph.h"

namespace pliant {

// The channels that it prunes, each group written by one convolution. Throws ConfigError where none of them would lose a channel, or the
// net has several widths.
std::vector<ChannelGroup> soft_filter_groups(const Net& net, double share);

class SoftFilterPruning {
 public:
  // share: int(share C) of the C filters of a convolution. Channels that are masked now stay so, and count first.
  SoftFilterPruning(Net& net, double share);

  // Zeroes the filters that are smallest now, and masks their channels. Of equal norms the first goes; frozen filters stay.
  void prune();
  // Takes these masks away; the zeros stay.
  void release();

 private:
  struct Group {
    ChannelAxis* axis;
    Parameter* filter;
    Tensor mask;  // of the axis as it was
  };

  Net& net_;
  double share_;
  std::vector<Group> groups_;
};

}  // namespace pliant
