#include "train/data/batches.h"

#include <algorithm>
#include <numeric>
#include <utility>

#include "core/check.h"
#include "core/rng.h"

namespace pliant {

EpochOrder::EpochOrder(std::int64_t samples, std::int64_t batch, LastBatch last) : batch_(batch), batches_(0) {
  PLIANT_REQUIRE(ConfigError, batch > 0, "batch size ", batch, ", expected at least 1");
  PLIANT_REQUIRE(ConfigError, samples >= 0 && samples <= INT32_MAX, samples, " samples, expected 0 to ", INT32_MAX);
  indices_.resize(static_cast<std::size_t>(samples));
  std::iota(indices_.begin(), indices_.end(), 0);
  batches_ = last == LastBatch::keep ? samples / batch + (samples % batch > 0) : samples / batch;
}

EpochOrder::EpochOrder(std::int64_t samples, std::int64_t batch, std::uint64_t seed, std::uint32_t epoch,
                       LastBatch last)
    : EpochOrder(samples, batch, last) {
  const RandomStream stream(seed, Purpose::shuffle, epoch, 0);
  for (std::size_t i = indices_.size(); i > 1; --i) {
    std::swap(indices_[i - 1], indices_[stream.below(i, static_cast<std::uint32_t>(i))]);
  }
}

EpochOrder EpochOrder::in_order(std::int64_t samples, std::int64_t batch) {
  return EpochOrder(samples, batch, LastBatch::keep);
}

std::int64_t EpochOrder::samples() const {
  return std::min(batches_ * batch_, static_cast<std::int64_t>(indices_.size()));
}

std::span<const std::int32_t> EpochOrder::batch(std::int64_t index) const {
  PLIANT_INVARIANT(index >= 0 && index < batches_, "batch ", index, " of ", batches_);
  const std::int64_t begin = index * batch_, end = std::min(begin + batch_, static_cast<std::int64_t>(indices_.size()));
  return std::span(indices_).subspan(static_cast<std::size_t>(begin), static_cast<std::size_t>(end - begin));
}

}  // namespace pliant
