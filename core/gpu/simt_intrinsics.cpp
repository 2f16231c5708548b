// What simt.h declares for kernels, forwarded to the scheduler of the running kernel.
#include <algorithm>

#include "core/check.h"
#include "core/gpu/simt.h"
#include "core/gpu/simt_memory.h"
#include "core/gpu/simt_scheduler.h"

namespace pliant::gpu::simt {

namespace {

// What the running thread does for the kernel is not the kernel's own load or store.
class InEmulator {
 public:
  InEmulator() { in_kernel = false; }
  ~InEmulator() { in_kernel = true; }
  InEmulator(const InEmulator&) = delete;
  InEmulator& operator=(const InEmulator&) = delete;
};

template <class T>
T atomic_of(Atomic operation, T* address, T value, T expected) {
  const InEmulator guard;
  running->access(reinterpret_cast<std::uintptr_t>(address), sizeof(T), Kind::atomic);
  using Unsigned = std::make_unsigned_t<T>;  // a sum wraps around
  const T old = *address;
  switch (operation) {
    case Atomic::add: *address = static_cast<T>(static_cast<Unsigned>(old) + static_cast<Unsigned>(value)); break;
    case Atomic::max: *address = std::max(old, value); break;
    case Atomic::min: *address = std::min(old, value); break;
    case Atomic::exchange: *address = value; break;
    case Atomic::compare_exchange:
      if (old == expected) *address = value;
      break;
  }
  return old;
}

}  // namespace

std::uint64_t meet_warp(Operation operation, unsigned mask, std::uint64_t value, int source, const Where& where) {
  const InEmulator guard;
  return running->meet_warp(operation, mask, value, source, where);
}

int meet_block(bool predicate, const Where& where) {
  const InEmulator guard;
  return running->meet_block(predicate, where);
}

void* dynamic_shared_memory() { return running->memory().dynamic_shared(); }

void require_aligned(const void* address, std::size_t alignment) {
  if (reinterpret_cast<std::uintptr_t>(address) % alignment != 0) {
    const InEmulator guard;
    running->report(cat("misaligned vector access: ", address, " is no multiple of ", alignment));
    running->stop();
  }
}

int atomic(Atomic operation, int* address, int value, int expected) {
  return atomic_of(operation, address, value, expected);
}
unsigned atomic(Atomic operation, unsigned* address, unsigned value, unsigned expected) {
  return atomic_of(operation, address, value, expected);
}
unsigned long long atomic(Atomic operation, unsigned long long* address, unsigned long long value,
                          unsigned long long expected) {
  return atomic_of(operation, address, value, expected);
}

}  // namespace pliant::gpu::simt
