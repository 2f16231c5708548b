#include "core/gpu/simt_fiber.h"

#include <sys/mman.h>

#include <boost/context/detail/fcontext.hpp>

#include "core/check.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace pliant::gpu::simt {

namespace context = boost::context::detail;

namespace {
constexpr std::size_t kGuardBytes = 4096;
}

Fiber::Fiber(Entry entry) : entry_(entry) {
  void* memory = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  PLIANT_REQUIRE(MemoryError, memory != MAP_FAILED, "SIMT emulator: no memory for the stack of a thread");
  memory_ = static_cast<char*>(memory);
  stack_ = memory_ + kGuardBytes;
  mprotect(memory_, kGuardBytes, PROT_NONE);
  inside_ = context::make_fcontext(stack_ + kStackBytes, kStackBytes, [](context::transfer_t from) {
    auto* self = static_cast<Fiber*>(from.data);
    self->outside_ = from.fctx;
    self->entry_(self->argument_);
  });
}

Fiber::~Fiber() {
#if defined(__SANITIZE_ADDRESS__)
  // Frames that were dropped have left their red zones behind, and the next mapping may lie here.
  ASAN_UNPOISON_MEMORY_REGION(stack_, kStackBytes);
#endif
  munmap(memory_, kGuardBytes + kStackBytes);
}

void Fiber::enter(void* argument) {
  argument_ = argument;
  inside_ = context::jump_fcontext(inside_, this).fctx;
}

void Fiber::leave() { outside_ = context::jump_fcontext(outside_, nullptr).fctx; }

}  // namespace pliant::gpu::simt
