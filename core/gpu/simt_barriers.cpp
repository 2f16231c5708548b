// The part of the scheduler where threads meet: warp barriers by mask (with the shuffles and votes that complete there)
// and the barrier of the block, which are separate. A thread that has returned counts as arrived, as on
// current hardware.
#include <bit>

#include "core/check.h"
#include "core/gpu/simt_memory.h"
#include "core/gpu/simt_scheduler.h"

namespace pliant::gpu::simt {

namespace {

std::string hexadecimal(unsigned mask) {
  std::ostringstream out;
  out << "0x" << std::hex << mask;
  return out.str();
}

std::string line_of(const Where& where) {
  std::string file = where.file_name();
  return cat(file.substr(file.rfind('/') + 1), ':', where.line());
}

bool same(const Where& a, const Where& b) {
  return a.line() == b.line() && a.column() == b.column() && std::string_view(a.file_name()) == b.file_name();
}

}  // namespace

std::uint64_t Scheduler::meet_warp(Operation operation, unsigned mask, std::uint64_t value, int source,
                                   const Where& where) {
  const unsigned self = running_ % 32;
  if ((mask >> self & 1) == 0) {
    report(cat("lane ", self, " is outside its own mask ", hexadecimal(mask), " at ", line_of(where)));
    stop();
  }
  if (operation == Operation::shuffle && (mask >> (source & 31) & 1) == 0) {
    report(cat("lane ", self, " reads lane ", source, " by a shuffle, outside the mask ", hexadecimal(mask), " at ",
               line_of(where)));
    stop();
  }
  Lane& lane = lanes_[running_];
  lane.operation = operation;
  lane.mask = mask;
  lane.source = source;
  lane.value = value;
  lane.where = where;
  warps_[running_ / 32].waiting |= 1u << self;
  return wait(State::warp);
}

int Scheduler::meet_block(bool predicate, const Where& where) {
  lanes_[running_].value = predicate;
  lanes_[running_].where = where;
  return static_cast<int>(wait(State::block));
}

bool Scheduler::release_warps() {
  bool any = false;
  for (unsigned w = 0; w < warps_.size(); ++w) any |= warps_[w].waiting != 0 && release_warp(w);
  return any;
}

bool Scheduler::release_warp(unsigned w) {
  Warp& warp = warps_[w];
  bool any = false;
  for (unsigned open = warp.waiting; open != 0;) {
    const unsigned first = static_cast<unsigned>(std::countr_zero(open));
    const Lane& lane = lanes_[w * 32 + first];
    const unsigned group = lane.mask & warp.exist & ~warp.done;
    bool complete_group = (group & ~warp.waiting) == 0;
    for (unsigned rest = group; complete_group && rest != 0; rest &= rest - 1) {
      complete_group = lanes_[w * 32 + static_cast<unsigned>(std::countr_zero(rest))].mask == lane.mask;
    }
    open &= ~(1u << first);
    if (!complete_group) continue;
    complete(w, group);
    warp.waiting &= ~group;
    open &= ~group;
    any = true;
  }
  return any;
}

void Scheduler::complete(unsigned w, unsigned group) {
  std::uint64_t sent[32] = {};
  unsigned ballot = 0;
  const Lane& first = lanes_[w * 32 + static_cast<unsigned>(std::countr_zero(group))];
  for (unsigned rest = group; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(rest));
    const Lane& lane = lanes_[w * 32 + i];
    if (lane.operation != first.operation || !same(lane.where, first.where)) {
      refuse(w * 32 + i, cat("lanes of mask ", hexadecimal(lane.mask), " meet at different places, ",
                             line_of(first.where), " and ", line_of(lane.where)));
    }
    sent[i] = lane.value;
    ballot |= (lane.value != 0 ? 1u : 0u) << i;
  }
  for (unsigned rest = group; rest != 0; rest &= rest - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(rest));
    Lane& lane = lanes_[w * 32 + i];
    if (lane.operation == Operation::shuffle) {
      if ((group >> lane.source & 1) == 0) {
        refuse(w * 32 + i, cat("lane ", i, " reads lane ", lane.source, " by a shuffle at ", line_of(lane.where),
                               ", which has returned or does not exist"));
      }
      lane.value = sent[lane.source];
    } else {
      lane.value = ballot;
    }
    lane.state = State::ready;
  }
  memory_.order().meet_warp(w, group, group == (warps_[w].exist & ~warps_[w].done));
}

bool Scheduler::release_block() {
  const Lane* first = nullptr;
  std::uint64_t count = 0;
  for (unsigned i = 0; i < lanes_.size(); ++i) {
    const Lane& lane = lanes_[i];
    if (lane.state == State::done) continue;
    if (lane.state != State::block) return false;
    if (first == nullptr) first = &lane;
    if (!same(lane.where, first->where)) {
      refuse(i, cat("barrier divergence, threads of the block wait at different barriers: ", states()));
    }
    count += lane.value;
  }
  for (Lane& lane : lanes_) {
    if (lane.state == State::done) continue;
    lane.value = count;
    lane.state = State::ready;
  }
  memory_.order().meet_block();
  return true;
}

std::string Scheduler::states() const {
  std::string report;
  const auto describe = [&](const Lane& lane) -> std::string {
    switch (lane.state) {
      case State::done: return "returned";
      case State::block: return cat("at __syncthreads in ", line_of(lane.where));
      case State::warp: return cat("at a warp barrier of mask ", hexadecimal(lane.mask), " in ", line_of(lane.where));
      default: return "ready";
    }
  };
  for (std::size_t i = 0; i < lanes_.size();) {
    const std::string state = describe(lanes_[i]);
    std::size_t end = i + 1;
    while (end < lanes_.size() && describe(lanes_[end]) == state) ++end;
    report += cat(i == 0 ? "" : "; ", end == i + 1 ? "thread " : "threads ", i);
    report += end == i + 1 ? cat(' ', state) : cat(" to ", end - 1, ' ', state);
    i = end;
  }
  return report;
}

}  // namespace pliant::gpu::simt
