// The callbacks of the thread sanitizer's instrumentation, with which emulated .cu files are compiled. They take the
// place of the sanitizer's runtime.
#include <cstddef>

#define PLIANT_SIMT_HOOK(name, bytes)     \
  void __tsan_read##name(void*) {}        \
  void __tsan_write##name(void*) {}       \
  void __tsan_unaligned_read##name(void*) {} \
  void __tsan_unaligned_write##name(void*) {}

extern "C" {
PLIANT_SIMT_HOOK(1, 1)
PLIANT_SIMT_HOOK(2, 2)
PLIANT_SIMT_HOOK(4, 4)
PLIANT_SIMT_HOOK(8, 8)
PLIANT_SIMT_HOOK(16, 16)
void __tsan_read_range(void*, std::size_t) {}
void __tsan_write_range(void*, std::size_t) {}
void __tsan_vptr_update(void*, void*) {}
void __tsan_vptr_read(void*) {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_init() {}
}
