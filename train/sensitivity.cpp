#include "train/sensitivity.h"

#include <cmath>
#include <numeric>

#include "core/rng.h"

namespace pliant {

std::vector<double> delete_each_block(const Net& net, const DeviceData& data, std::int64_t batch, const Selection& select) {
  PLIANT_REQUIRE(ConfigError, net.blocks > 0, net.description.name, ": has no residual blocks that could be deleted");
  std::vector<double> accuracies;
  for (int block = 0; block < net.blocks; ++block) {
    Selection without = select;
    without.dropped.insert(block);
    accuracies.push_back(evaluate(net, data, batch, without).last().accuracy);
  }
  return accuracies;
}

RandomDeletion delete_random_blocks(const Net& net, const DeviceData& data, std::int64_t batch, const Selection& select, int count, int repeats,
                                    std::uint64_t seed) {
  PLIANT_REQUIRE(ConfigError, count >= 1 && count <= net.blocks, net.description.name, ": has ", net.blocks, " residual blocks; ", count,
                 " cannot be deleted");
  PLIANT_REQUIRE(ConfigError, repeats >= 1, "random deletion: at least one repeat, got ", repeats);
  double sum = 0.0, squares = 0.0;
  for (int repeat = 0; repeat < repeats; ++repeat) {
    const RandomStream stream(seed, Purpose::gate, static_cast<std::uint32_t>(count), static_cast<std::uint32_t>(repeat));
    std::vector<int> blocks(static_cast<std::size_t>(net.blocks));
    std::iota(blocks.begin(), blocks.end(), 0);
    Selection without = select;
    for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(count); ++i) {  // the beginning of a Fisher-Yates shuffle
      std::swap(blocks[i], blocks[i + stream.below(i, static_cast<std::uint32_t>(net.blocks) - i)]);
      without.dropped.insert(blocks[i]);
    }
    const double accuracy = evaluate(net, data, batch, without).last().accuracy;
    sum += accuracy;
    squares += accuracy * accuracy;
  }
  const double mean = sum / repeats, spread = std::max(0.0, squares - sum * mean);
  return {count, mean, repeats > 1 ? std::sqrt(spread / (repeats - 1)) : 0.0};
}

}  // namespace pliant
