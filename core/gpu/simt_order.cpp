#include "core/gpu/simt_order.h"

#include <algorithm>
#include <bit>

namespace pliant::gpu::simt {

void Order::begin_launch(unsigned threads) {
  epoch_ = 0;
  warps_.assign((threads + 31) / 32, Warp{});
  met_.assign(warps_.size() * 32 * 32, 0);
  starts_.clear();
  blocks_.clear();
}

void Order::begin_block(uint3 index) {
  block_start_ = ++epoch_;
  starts_.push_back(epoch_);
  blocks_.push_back(index);
  for (std::size_t w = 0; w < warps_.size(); ++w) {
    if (warps_[w].parted) std::fill_n(met_.begin() + static_cast<std::ptrdiff_t>(w * 1024), 1024, 0u);
    warps_[w] = {};
  }
}

void Order::meet_warp(unsigned w, unsigned group, bool all) {
  Warp& warp = warps_[w];
  ++warp.events;
  if (all) {
    warp.all_met = warp.events;
    return;
  }
  warp.parted = true;
  std::uint32_t joined[32] = {};
  for (unsigned rest = group; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(rest));
    const std::uint32_t* own = &met_[(w * 32 + i) * 32];
    for (unsigned j = 0; j < 32; ++j) joined[j] = std::max(joined[j], own[j]);
  }
  for (unsigned rest = group; rest != 0; rest &= rest - 1) joined[std::countr_zero(rest)] = warp.events;
  for (unsigned rest = group; rest != 0; rest &= rest - 1) {
    std::copy_n(joined, 32, &met_[(w * 32 + static_cast<unsigned>(std::countr_zero(rest))) * 32]);
  }
}

uint3 Order::block_of(const Access& access) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), access.epoch);
  return blocks_[static_cast<std::size_t>(after - starts_.begin()) - 1];
}

}  // namespace pliant::gpu::simt
