// Which samples make up the batches of one epoch. Only indices: the kernel that gathers, crops and normalises the bytes
// takes them from here. The order depends on (seed, epoch) and the number of samples alone.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace pliant {

enum class LastBatch { keep, drop };  // what happens to a last batch that is not full

class EpochOrder {
 public:
  // A permutation of 0 .. samples - 1 by Fisher and Yates, drawn from Philox(seed, shuffle, epoch), cut into batches.
  // ConfigError unless 0 <= samples < 2^31 and batch > 0.
  EpochOrder(std::int64_t samples, std::int64_t batch, std::uint64_t seed, std::uint32_t epoch,
             LastBatch last = LastBatch::keep);

  // 0, 1, 2, ...: for evaluation.
  static EpochOrder in_order(std::int64_t samples, std::int64_t batch);

  std::int64_t batches() const { return batches_; }
  std::int64_t samples() const;  // in all batches together; fewer than there are if the last batch was dropped
  std::span<const std::int32_t> batch(std::int64_t index) const;
  std::span<const std::int32_t> indices() const { return indices_; }  // the whole permutation, dropped ones included

 private:
  EpochOrder(std::int64_t samples, std::int64_t batch, LastBatch last);

  std::vector<std::int32_t> indices_;
  std::int64_t batch_, batches_;
};

}  // namespace pliant
