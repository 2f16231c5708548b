// Choosing samples by seed: the validation part and balanced subsets. Works on labels alone, before any image is read.
// Within a class the samples are shuffled by Philox(seed, split, class), so that a smaller choice is part of a larger
// one.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pliant {

struct SplitIndices {
  std::vector<std::int64_t> rest, chosen;  // both ascending; together every index once
};

// Takes count of the samples by seed, each class in proportion to its size (largest remainders first, then lower
// classes). 0 <= count <= labels.size().
SplitIndices hold_out(std::span<const std::int32_t> labels, int classes, std::int64_t count, std::uint64_t seed);

// At most limit of the given samples, the classes' counts as equal as their sizes allow (0: all of them); ascending.
std::vector<std::int64_t> balanced_subset(std::span<const std::int32_t> labels, std::span<const std::int64_t> samples,
                                          int classes, std::int64_t limit, std::uint64_t seed);

}  // namespace pliant
