// The parts of a net that can run alone: every width up to every exit.
#pragma once

#include <vector>

#include "nets/net.h"

namespace pliant {

struct Part {
  int row = 0, exit = 0;   // of the width table; counted over all exits
  double width = 1.0;      // the row's ratio
  Selection select;        // that width and that exit alone: nothing deeper runs, and no head before it
  std::int64_t parameters = 0, macs = 0;
};

// Widest first, exits in order. row and exit choose one of each; -1: all.
std::vector<Part> parts_of(const Net& net, int row = -1, int exit = -1);

}  // namespace pliant
