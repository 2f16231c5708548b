#include "random_pair.h"

#include "core/rng.h"

using namespace pliant;

RandomPair::RandomPair(const Net& net, std::uint64_t seed) : widths_(net.widths()), seed_(seed) {
  PLIANT_REQUIRE(ConfigError, widths_ > 1, net.description.name, ": has one width; a pair needs two");
}

// The draw depends on the seed, the epoch and the batch alone: a run that is resumed trains the same widths.
std::vector<PlannedPass> RandomPair::passes(std::int64_t epoch, std::int64_t batch) const {
  const RandomStream random(seed_, Purpose::width, static_cast<std::uint32_t>(epoch), static_cast<std::uint32_t>(batch));
  const int narrower = 1 + static_cast<int>(random.below(0, static_cast<std::uint32_t>(widths_ - 1)));
  return {{.select = {.width = 0}}, {.select = {.width = narrower}, .taught = true}};
}
