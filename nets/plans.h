// Pruned architectures that papers published, by name: VGG-16-A, ResNet-56-B, ThiNet, ... Each is a description for build_net(); which
// channels of a layer are left does not matter to a structure, so they are the leading ones.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nets/description.h"

namespace pliant {

const std::vector<std::string>& published_architectures();
bool is_published_architecture(const std::string& name);

// With the paper's number of classes, 10 for small images and 1000 for large ones. UsageError, listing the names, for another name.
NetDescription published_architecture(const std::string& name);

// The plans of Li et al. ("Pruning filters for efficient ConvNets", 2017) as what they ask of a big net: the share of channels removed
// from each axis that they prune; floor(channels (1 - share)) stay. UsageError for a name that is no such plan.
std::map<std::string, double> published_ratios(const std::string& name);

}  // namespace pliant
