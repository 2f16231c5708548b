// Which accesses of a launch are ordered: by the thread itself, by the barrier of the block, by warp barriers for the
// lanes that met there; nothing orders two blocks. Epochs count block barriers through the launch; within an epoch each
// warp counts its barriers, and a lane knows up to which of them it has met each other lane (a vector clock, see
// Flanagan and Freund, "FastTrack", PLDI 2009).
#pragma once

#include <cstdint>
#include <vector>

#include "core/gpu/simt.h"

namespace pliant::gpu::simt {

struct Access {
  std::uint32_t epoch = 0;  // 0: none
  std::uint32_t clock : 19 = 0;
  std::uint32_t thread : 10 = 0;
  std::uint32_t atomic : 1 = 0;
  std::uint32_t many : 1 = 0;     // also by another thread in this epoch, with no order between the two
  std::uint32_t foreign : 1 = 0;  // also by another block of this launch
};

class Order {
 public:
  void begin_launch(unsigned threads);
  void begin_block(uint3 index);
  void meet_block() { ++epoch_; }
  // The lanes of `group` met; `all`: they are all that have not returned.
  void meet_warp(unsigned warp, unsigned group, bool all);

  Access access_by(unsigned thread, bool atomic) const {
    Access access;
    access.epoch = epoch_;
    access.clock = warps_[thread / 32].events & 0x7ffffu;
    access.thread = thread & 1023u;
    access.atomic = atomic;
    return access;
  }
  bool in_this_epoch(const Access& access) const { return access.epoch == epoch_; }
  bool in_this_block(const Access& access) const { return access.epoch >= block_start_; }
  // Whether all lanes of the warp have met since the access.
  bool all_met_since(const Access& access) const { return warps_[access.thread / 32].all_met > access.clock; }
  // Whether `thread` has met lane `lane` of its own warp since that lane's clock.
  bool met_since(unsigned thread, unsigned lane, std::uint32_t clock) const {
    const Warp& warp = warps_[thread / 32];
    return warp.all_met > clock || (warp.parted && met_[thread * 32 + lane] > clock);
  }
  // For an access of this epoch or an earlier one of this block.
  bool before(const Access& access, unsigned thread) const {
    if (!in_this_epoch(access)) return true;
    if (access.many) return false;
    if (access.thread == thread) return true;
    return access.thread / 32 == thread / 32 && met_since(thread, access.thread % 32, access.clock);
  }
  uint3 block_of(const Access& access) const;

 private:
  struct Warp {
    std::uint32_t events = 0, all_met = 0;
    bool parted = false;  // met_ is in use
  };
  std::uint32_t epoch_ = 0, block_start_ = 0;
  std::vector<Warp> warps_;
  std::vector<std::uint32_t> met_;  // [threads, 32]
  std::vector<std::uint32_t> starts_;  // first epoch of each block that has run
  std::vector<uint3> blocks_;
};

}  // namespace pliant::gpu::simt
