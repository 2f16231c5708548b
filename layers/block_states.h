// Recording a training pass for every pattern of dropped blocks at once. A residual block launches its open and its dropped form one after
// the other, on the same input and into the same output, forward and backward, and tells which is which: of every pair a replay launches
// one. What lies between blocks is the same for all patterns, and so are all addresses, since memory is planned as if both forms ran.
#pragma once

#include <functional>

#include "layers/pass.h"

namespace pliant {

// Told what is launched. Owned by whoever records; a Pass refers to it.
class BlockStates {
 public:
  virtual ~BlockStates() = default;
  virtual bool both(int block) const = 0;          // whether the block is recorded in both forms, whatever the Selection says
  virtual void begin(int block, bool open) = 0;    // from here on: of this form of the block alone
  virtual void end() = 0;                          // from here on: of every pattern again
};

// Both forms of a block. open(pass, x) is f(shortcut(x) + branch(x)); dropped(pass, x, y) writes f(shortcut(x)) into y. Each is recorded on
// a tape of its own, of which the pass's tape has one step. The values are those of the form that ran last.
Var in_both_states(Pass& pass, const Var& x, int block, const std::function<Var(Pass& pass, const Var& x)>& open,
                   const std::function<Var(Pass& pass, const Var& x, const Tensor& y)>& dropped);

}  // namespace pliant
