// A stack with a guard page and a place to continue from, over Boost's fcontext. Included by simt_*.cpp only.
#pragma once

#include <cstddef>

namespace pliant::gpu::simt {

inline constexpr std::size_t kStackBytes = 256 * 1024;  // address space; only pages that a kernel touches are taken

class Fiber {
 public:
  using Entry = void (*)(void* argument);  // never returns

  explicit Fiber(Entry entry);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void enter(void* argument);  // runs the fiber from where it left, or from `entry`, until it leaves
  void leave();                // called on the fiber: back to the caller of enter()
  const char* stack() const { return stack_; }

 private:
  Entry entry_;
  char* memory_;  // guard page, then the stack
  char* stack_;
  void* inside_ = nullptr;   // where to continue the fiber
  void* outside_ = nullptr;  // where to continue the caller
  void* argument_ = nullptr;
};

}  // namespace pliant::gpu::simt
