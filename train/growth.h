// Incremental training of a slimmable net: at each width only the parameters that it adds to the next narrower one train, and
// the narrower sub-network stays as it is, bit for bit (Yu et al., 2019, section 3.2, discuss and reject it: a baseline).
#pragma once

#include <array>

#include "nets/net.h"

namespace pliant {

class Growth {
 public:
  // width: the row that trains now; the rows after it are narrower and done. The net's values are taken as they are.
  Growth(Net& net, int width);

  int width() const { return width_; }
  // The memory on which hold() works.
  std::array<const Tensor*, 2> memory() const { return {&trains_, &before_}; }
  // Puts back what does not train in this phase; after every step of the optimizer.
  void hold();

 private:
  Net& net_;
  int width_;
  Tensor trains_, before_;  // arenas: 1 where a value trains; the values at the start
};

}  // namespace pliant
