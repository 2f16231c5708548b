// A selection policy of one's own for slimmable nets: every step trains the full width and one narrower width, which learns the full one's
// softmax. Two passes a step, where training all widths takes as many as there are.
#pragma once

#include "train/selection_policy.h"

class RandomPair : public pliant::SelectionPolicy {
 public:
  // Throws ConfigError for a net with one width.
  RandomPair(const pliant::Net& net, std::uint64_t seed);

  std::string name() const override { return "random-pair"; }
  std::vector<pliant::PlannedPass> passes(std::int64_t epoch, std::int64_t batch) const override;

 private:
  int widths_;
  std::uint64_t seed_;
};
