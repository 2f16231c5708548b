#include "train/data/split.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/check.h"
#include "core/rng.h"

namespace pliant {
namespace {

enum class Draw : std::uint32_t { hold_out = 0, subset = 1 };  // the two never share numbers

using Groups = std::vector<std::vector<std::int64_t>>;  // [classes] samples in drawn order

Groups shuffled_classes(std::span<const std::int32_t> labels, std::span<const std::int64_t> samples, int classes,
                        std::uint64_t seed, Draw draw) {
  Groups groups(static_cast<std::size_t>(classes));
  for (const std::int64_t i : samples)
    groups[static_cast<std::size_t>(labels[static_cast<std::size_t>(i)])].push_back(i);
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const RandomStream stream(seed, Purpose::split, static_cast<std::uint32_t>(draw), static_cast<std::uint32_t>(k));
    for (std::size_t i = groups[k].size(); i > 1; --i) {
      std::swap(groups[k][i - 1], groups[k][stream.below(i, static_cast<std::uint32_t>(i))]);
    }
  }
  return groups;
}

}  // namespace

SplitIndices hold_out(std::span<const std::int32_t> labels, int classes, std::int64_t count, std::uint64_t seed) {
  const auto total = static_cast<std::int64_t>(labels.size());
  PLIANT_INVARIANT(count >= 0 && count <= total, "hold_out of ", count, " among ", total);
  std::vector<std::int64_t> all(labels.size());
  std::iota(all.begin(), all.end(), std::int64_t{0});
  const Groups groups = shuffled_classes(labels, all, classes, seed, Draw::hold_out);
  std::vector<std::int64_t> take(groups.size()), order(groups.size());
  std::iota(order.begin(), order.end(), std::int64_t{0});
  std::int64_t missing = count;
  const auto exact = [&](std::int64_t k) {
    return static_cast<std::int64_t>(groups[static_cast<std::size_t>(k)].size()) * count;
  };
  for (std::size_t k = 0; k < groups.size() && total > 0; ++k) {
    take[k] = exact(static_cast<std::int64_t>(k)) / total;
    missing -= take[k];
  }
  if (missing > 0) {
    std::stable_sort(order.begin(), order.end(), [&](auto a, auto b) { return exact(a) % total > exact(b) % total; });
    for (std::int64_t m = 0; m < missing; ++m) ++take[static_cast<std::size_t>(order[static_cast<std::size_t>(m)])];
  }
  SplitIndices split;
  for (std::size_t k = 0; k < groups.size(); ++k) {
    const auto cut = groups[k].begin() + take[k];
    split.chosen.insert(split.chosen.end(), groups[k].begin(), cut);
    split.rest.insert(split.rest.end(), cut, groups[k].end());
  }
  std::sort(split.chosen.begin(), split.chosen.end());
  std::sort(split.rest.begin(), split.rest.end());
  return split;
}

std::vector<std::int64_t> balanced_subset(std::span<const std::int32_t> labels, std::span<const std::int64_t> samples,
                                          int classes, std::int64_t limit, std::uint64_t seed) {
  if (limit <= 0 || limit >= static_cast<std::int64_t>(samples.size())) return {samples.begin(), samples.end()};
  const Groups groups = shuffled_classes(labels, samples, classes, seed, Draw::subset);
  std::vector<std::int64_t> chosen;
  // Round r takes the r-th sample of every class that still has one.
  for (std::size_t round = 0; static_cast<std::int64_t>(chosen.size()) < limit; ++round) {
    for (const auto& group : groups) {
      if (round < group.size() && static_cast<std::int64_t>(chosen.size()) < limit) chosen.push_back(group[round]);
    }
  }
  std::sort(chosen.begin(), chosen.end());
  return chosen;
}

}  // namespace pliant
