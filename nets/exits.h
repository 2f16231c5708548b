// Where exits may stand, by name, and how much of a net an exit needs.
#pragma once

#include <string>
#include <vector>

#include "nets/net.h"

namespace pliant {

// Stages that get a further head under a placement:
//   none; all: every stage but the last; stages: the last stage of every resolution; elastic: where the paper on Elastic networks
//   puts them; elastic5: four of these and the last exit, the k-th of P elastic outputs being number round(k P / 5); "own": the net's
//   usual ones (BranchyNets); or a list such as "3,6".
// Throws UsageError for anything else or an empty list, ConfigError where the net has too few places for elastic5.
std::vector<int> exit_stages(const NetDescription& net, const std::string& placement);

// The description of the net cut after exit `exit` (0 the first): it becomes the last one, and earlier exits stay. UsageError for an
// exit that the net does not have.
NetDescription cut_at_exit(const NetDescription& net, int exit);

}  // namespace pliant
