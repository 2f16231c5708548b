// The thread sanitizer's instrumentation turns host atomics in .cu files (the counts of shared pointers, for one) into
// these calls. They do what was asked; kernels do not use them, CUDA's atomics are in simt_intrinsics.h.
#include <cstdint>

#define PLIANT_ATOMIC_FETCH(bits, name)                                                                             \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_##name(volatile std::uint##bits##_t* a, std::uint##bits##_t v,     \
                                                         int) {                                                     \
    return __atomic_fetch_##name(a, v, __ATOMIC_SEQ_CST);                                                           \
  }

#define PLIANT_ATOMIC_HOOKS(bits)                                                                                    \
  std::uint##bits##_t __tsan_atomic##bits##_load(const volatile std::uint##bits##_t* a, int) {                        \
    return __atomic_load_n(a, __ATOMIC_SEQ_CST);                                                                     \
  }                                                                                                                  \
  void __tsan_atomic##bits##_store(volatile std::uint##bits##_t* a, std::uint##bits##_t v, int) {                     \
    __atomic_store_n(a, v, __ATOMIC_SEQ_CST);                                                                        \
  }                                                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_exchange(volatile std::uint##bits##_t* a, std::uint##bits##_t v, int) {   \
    return __atomic_exchange_n(a, v, __ATOMIC_SEQ_CST);                                                              \
  }                                                                                                                  \
  PLIANT_ATOMIC_FETCH(bits, add)                                                                                     \
  PLIANT_ATOMIC_FETCH(bits, sub)                                                                                     \
  PLIANT_ATOMIC_FETCH(bits, and)                                                                                     \
  PLIANT_ATOMIC_FETCH(bits, or)                                                                                      \
  PLIANT_ATOMIC_FETCH(bits, xor)                                                                                     \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile std::uint##bits##_t* a, std::uint##bits##_t* expected,   \
                                                    std::uint##bits##_t v, int, int) {                               \
    return __atomic_compare_exchange_n(a, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                   \
  }                                                                                                                  \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile std::uint##bits##_t* a, std::uint##bits##_t* expected,     \
                                                  std::uint##bits##_t v, int, int) {                                 \
    return __atomic_compare_exchange_n(a, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                   \
  }

extern "C" {
PLIANT_ATOMIC_HOOKS(8)
PLIANT_ATOMIC_HOOKS(16)
PLIANT_ATOMIC_HOOKS(32)
PLIANT_ATOMIC_HOOKS(64)
void __tsan_atomic_thread_fence(int) { __atomic_thread_fence(__ATOMIC_SEQ_CST); }
void __tsan_atomic_signal_fence(int) { __atomic_signal_fence(__ATOMIC_SEQ_CST); }
}
