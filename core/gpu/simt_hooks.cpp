// The callbacks of the thread sanitizer's instrumentation, with which emulated .cu files are compiled: one call before
// every load and store. They take the place of the sanitizer's runtime, which is never linked. Accesses count while a
// kernel runs on this host thread; a thread's own stack, its arguments and its built-in variables are its own affair.
// Not seen: memcpy and memset called by name, which kernels therefore do not use.
#include <cstddef>
#include <cstdint>

#include "core/gpu/simt_scheduler.h"

namespace {

using namespace pliant::gpu::simt;

bool is_builtin(std::uintptr_t address) {
  const auto within = [address](const auto& variable) {
    return address - reinterpret_cast<std::uintptr_t>(&variable) < sizeof variable;
  };
  return within(threadIdx) || within(blockIdx) || within(blockDim) || within(gridDim);
}

inline void touch(const void* pointer, std::size_t bytes, Kind kind) {
  if (!in_kernel) return;
  in_kernel = false;
  Scheduler* scheduler = running;
  const auto address = reinterpret_cast<std::uintptr_t>(pointer);
  if (!scheduler->on_own_stack(address) && !is_builtin(address) && !scheduler->is_argument(address)) {
    scheduler->access(address, bytes, kind);
  }
  in_kernel = true;
}

}  // namespace

#define PLIANT_SIMT_HOOKS(bytes)                                                            \
  void __tsan_read##bytes(void* address) { touch(address, bytes, Kind::read); }              \
  void __tsan_write##bytes(void* address) { touch(address, bytes, Kind::write); }            \
  void __tsan_unaligned_read##bytes(void* address) { touch(address, bytes, Kind::read); }    \
  void __tsan_unaligned_write##bytes(void* address) { touch(address, bytes, Kind::write); }  \
  void __tsan_volatile_read##bytes(void* address) { touch(address, bytes, Kind::read); }     \
  void __tsan_volatile_write##bytes(void* address) { touch(address, bytes, Kind::write); }

extern "C" {
PLIANT_SIMT_HOOKS(1)
PLIANT_SIMT_HOOKS(2)
PLIANT_SIMT_HOOKS(4)
PLIANT_SIMT_HOOKS(8)
PLIANT_SIMT_HOOKS(16)
void __tsan_read_range(void* address, std::size_t bytes) { touch(address, bytes, Kind::read); }
void __tsan_write_range(void* address, std::size_t bytes) { touch(address, bytes, Kind::write); }
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}
