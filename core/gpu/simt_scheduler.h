// Runs the threads of one block after another on fibers, and lets them meet at warp and block barriers. A thread that
// never waits costs no switch: one fiber runs thread after thread until one waits. Kernels own nothing, so after a
// fault the fibers that have begun are dropped where they stand.
#pragma once

#include <cstdint>
#include <exception>
#include <memory>
#include <string>
#include <vector>

#include "core/gpu/runtime.h"
#include "core/gpu/simt.h"
#include "core/gpu/simt_device.h"
#include "core/gpu/simt_fiber.h"
#include "core/gpu/simt_memory.h"

namespace pliant::gpu::simt {

class Scheduler {
 public:
  Scheduler(Memory& memory, ThreadOrder order, std::uint64_t order_seed);
  ~Scheduler();
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  void run(const std::string& kernel, dim3 grid, dim3 block, std::size_t shared_bytes, const Body& body);

  // Called by the running thread. After a report, stop() leaves the thread for good and ends the launch; it is apart so
  // that no string is alive on the stack that is left.
  void report(const std::string& what);
  [[noreturn]] void stop();
  std::uint64_t meet_warp(Operation operation, unsigned mask, std::uint64_t value, int source, const Where& where);
  int meet_block(bool predicate, const Where& where);
  void access(std::uintptr_t address, std::size_t bytes, Kind kind);  // reports and stops on a fault
  Memory& memory() { return memory_; }
  bool on_own_stack(std::uintptr_t address) const { return address - stack_ < kStackBytes; }
  bool is_argument(std::uintptr_t address) const {
    return address - reinterpret_cast<std::uintptr_t>(body_->data) < body_->bytes;
  }

 private:
  enum class State : std::uint8_t { fresh, ready, warp, block, done };
  struct Lane {
    State state = State::fresh;
    Operation operation = Operation::sync;
    unsigned mask = 0;
    int source = 0;
    std::uint64_t value = 0;  // what the lane sends, then what it receives
    Where where;
    Fiber* fiber = nullptr;
  };
  struct Warp {
    unsigned exist = 0, done = 0, waiting = 0;  // one bit a lane
  };

  void prepare(dim3 grid, dim3 block);
  void run_block(dim3 index);
  void shuffle(std::vector<unsigned>& order);
  void select(unsigned thread);  // makes it the running one
  void resume(unsigned thread);
  [[noreturn]] void work();  // what every fiber does: thread after thread
  std::uint64_t wait(State state);
  void drop_fibers() noexcept;

  bool release_warps();
  bool release_warp(unsigned warp);
  void complete(unsigned warp, unsigned group);
  bool release_block();
  std::string place(unsigned thread) const;
  std::string states() const;
  [[noreturn]] void refuse(unsigned thread, const std::string& what);  // from the scheduler itself

  Memory& memory_;
  const ThreadOrder order_;
  std::uint64_t random_;
  std::string kernel_;
  const Body* body_ = nullptr;
  std::vector<Lane> lanes_;
  std::vector<Warp> warps_;
  std::vector<uint3> index_;  // of each thread in the block
  std::vector<unsigned> thread_order_;
  std::size_t position_ = 0;  // in thread_order_
  unsigned running_ = 0, live_ = 0;
  std::uintptr_t stack_ = 0;  // of the running fiber
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> idle_;
  std::string fault_;
  std::exception_ptr exception_;
};

// The scheduler whose kernel runs on this host thread, or null.
extern constinit thread_local Scheduler* running;
// Whether loads and stores are the kernel's. The emulator and the kernels share inline functions of the standard
// library, so it is false whenever the emulator itself works.
extern constinit thread_local bool in_kernel;

}  // namespace pliant::gpu::simt
