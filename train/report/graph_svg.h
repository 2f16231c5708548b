// The coupled channels of a net as a standalone SVG: layers from top to bottom in the order they run, and for every group of
// coupled channels a line through all layers that write or read them. Layers that one line joins lose the same channels.
// It draws what nets/graph.h found and decides nothing.
#pragma once

#include <string>
#include <vector>

#include "nets/graph.h"

namespace pliant {

// One row per convolution and linear layer, and one per selection of channels in front of its first reader; groups are those of the net.
std::string graph_svg(const Net& net, const std::vector<ChannelGroup>& groups);

}  // namespace pliant
