#include "train/parts.h"

#include "nets/widths.h"

namespace pliant {

std::vector<Part> parts_of(const Net& net, int only_row, int only_this_exit) {
  std::vector<Part> parts;
  for (int row = 0; row < net.widths(); ++row) {
    if (only_row >= 0 && row != only_row) continue;
    for (int exit = 0; exit < net.exits(); ++exit) {
      if (only_this_exit >= 0 && exit != only_this_exit) continue;
      Part part{row, exit, width_ratio(net.description, row), only_exit(net, exit)};
      part.select.width = row;
      const NetCost needed = cost(net, part.select);
      part.parameters = needed.parameters;
      part.macs = needed.macs;
      parts.push_back(std::move(part));
    }
  }
  return parts;
}

}  // namespace pliant
