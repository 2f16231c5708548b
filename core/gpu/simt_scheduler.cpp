#include "core/gpu/simt_scheduler.h"

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "core/check.h"
#include "core/gpu/simt_memory.h"

uint3 threadIdx, blockIdx;
dim3 blockDim, gridDim;

namespace pliant::gpu::simt {

constinit thread_local Scheduler* running = nullptr;
constinit thread_local bool in_kernel = false;

namespace {

std::string text(uint3 index) { return cat('(', index.x, ',', index.y, ',', index.z, ')'); }

}  // namespace

Scheduler::Scheduler(Memory& memory, ThreadOrder order, std::uint64_t order_seed)
    : memory_(memory), order_(order), random_(order_seed) {}

Scheduler::~Scheduler() = default;

void Scheduler::shuffle(std::vector<unsigned>& order) {
  for (std::size_t i = order.size(); i > 1; --i) {
    random_ += 0x9e3779b97f4a7c15ull;  // splitmix64 (Steele, Lea, Flood 2014)
    std::uint64_t z = random_;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    std::swap(order[i - 1], order[(z ^ (z >> 31)) % i]);
  }
}

void Scheduler::prepare(dim3 grid, dim3 block) {
  gridDim = grid;
  blockDim = block;
  const unsigned threads = block.x * block.y * block.z;
  lanes_.assign(threads, Lane{});
  warps_.assign((threads + 31) / 32, Warp{});
  index_.clear();
  for (unsigned z = 0; z < block.z; ++z)
    for (unsigned y = 0; y < block.y; ++y)
      for (unsigned x = 0; x < block.x; ++x) index_.push_back({x, y, z});
  thread_order_.resize(threads);
  for (unsigned i = 0; i < threads; ++i) thread_order_[i] = order_ == ThreadOrder::reverse ? threads - 1 - i : i;
}

void Scheduler::run(const std::string& kernel, dim3 grid, dim3 block, std::size_t shared_bytes, const Body& body) {
  kernel_ = kernel;
  body_ = &body;
  prepare(grid, block);
  const unsigned blocks = grid.x * grid.y * grid.z;
  std::vector<unsigned> block_order(order_ == ThreadOrder::shuffled ? blocks : 0);
  for (unsigned i = 0; i < block_order.size(); ++i) block_order[i] = i;
  shuffle(block_order);
  struct Running {
    explicit Running(Scheduler* self) { running = self; }
    ~Running() {
      running->memory_.end_launch();
      running = nullptr;
    }
  } guard(this);
  memory_.begin_launch(static_cast<unsigned>(lanes_.size()), shared_bytes);
  try {
    for (unsigned i = 0; i < blocks; ++i) {
      unsigned b = i;
      if (order_ == ThreadOrder::reverse) b = blocks - 1 - i;
      if (order_ == ThreadOrder::shuffled) b = block_order[i];
      run_block({b % grid.x, b / grid.x % grid.y, b / grid.x / grid.y});
    }
  } catch (...) {
    drop_fibers();
    throw;
  }
}

void Scheduler::run_block(dim3 index) {
  blockIdx = {index.x, index.y, index.z};
  memory_.begin_block(blockIdx);
  live_ = static_cast<unsigned>(lanes_.size());
  for (Lane& lane : lanes_) lane.state = State::fresh;
  for (unsigned w = 0; w < warps_.size(); ++w) {
    const unsigned count = std::min(32u, live_ - w * 32);
    warps_[w] = {count == 32 ? ~0u : (1u << count) - 1, 0, 0};
  }
  while (true) {
    if (order_ == ThreadOrder::shuffled) shuffle(thread_order_);
    for (position_ = 0; position_ < thread_order_.size(); ++position_) {
      const unsigned thread = thread_order_[position_];
      if (lanes_[thread].state == State::fresh || lanes_[thread].state == State::ready) resume(thread);
      if (exception_) std::rethrow_exception(std::exchange(exception_, nullptr));
      if (!fault_.empty()) throw DeviceError(std::exchange(fault_, {}));
    }
    if (live_ == 0) return;
    if (!release_warps() && !release_block()) {
      throw DeviceError(cat(kernel_, ", block ", text(blockIdx), ": barrier divergence, no thread can go on: ",
                            states()));
    }
  }
}

void Scheduler::select(unsigned thread) {
  running_ = thread;
  threadIdx = index_[thread];
}

void Scheduler::resume(unsigned thread) {
  Fiber* fiber = lanes_[thread].fiber;
  if (lanes_[thread].state == State::fresh) {
    if (idle_.empty()) {
      fibers_.push_back(std::make_unique<Fiber>([](void* self) { static_cast<Scheduler*>(self)->work(); }));
      idle_.push_back(fibers_.back().get());
    }
    fiber = idle_.back();
    idle_.pop_back();
    lanes_[thread].fiber = fiber;
  }
  select(thread);
  stack_ = reinterpret_cast<std::uintptr_t>(fiber->stack());
  fiber->enter(this);
}

void Scheduler::work() {
  while (true) {
    Fiber* fiber = lanes_[running_].fiber;
    try {
      in_kernel = true;
      body_->invoke(body_->data);
      in_kernel = false;
    } catch (...) {
      in_kernel = false;
      exception_ = std::current_exception();
    }
    lanes_[running_].state = State::done;
    warps_[running_ / 32].done |= 1u << (running_ % 32);
    --live_;
    const std::size_t next = position_ + 1;
    if (!exception_ && next < thread_order_.size() && lanes_[thread_order_[next]].state == State::fresh) {
      position_ = next;
      lanes_[thread_order_[next]].fiber = fiber;
      select(thread_order_[next]);
    } else {
      idle_.push_back(fiber);
      fiber->leave();
    }
  }
}

std::uint64_t Scheduler::wait(State state) {
  Lane& lane = lanes_[running_];
  lane.state = state;
  lane.fiber->leave();
  return lane.value;
}

void Scheduler::report(const std::string& what) {
  fault_ = cat(kernel_, ", block ", text(blockIdx), ", thread ", text(threadIdx), ": ", what);
}

void Scheduler::access(std::uintptr_t address, std::size_t bytes, Kind kind) {
  if (!PLIANT_SIMT_ACCESS_CHECKS) return;
  {
    const std::string fault = memory_.access(address, bytes, kind, running_);
    if (fault.empty()) return;
    report(fault);
  }
  stop();
}

void Scheduler::stop() {
  lanes_[running_].fiber->leave();
  PLIANT_INVARIANT(false, "a dropped fiber was entered again");
  std::abort();
}

void Scheduler::refuse(unsigned thread, const std::string& what) {
  throw DeviceError(cat(kernel_, ", block ", text(blockIdx), ", thread ", text(index_[thread]), ": ", what));
}

void Scheduler::drop_fibers() noexcept {
  idle_.clear();
  fibers_.clear();
}

}  // namespace pliant::gpu::simt
