// Reuses memory blocks by size class, so that a training step allocates nothing after its first runs. A block freed on the
// host may be reused at once: all work is ordered by one stream. Belongs to a Context, or to captured graphs, which need their
// addresses as long as they are replayed. Under the emulator and the address sanitizer every block of a Context is an
// allocation of its own, so that overruns are seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/gpu/runtime.h"

namespace pliant {

class MemoryPool {
 public:
  struct Counters {
    std::size_t live_bytes = 0;               // handed out now
    std::size_t peak_bytes = 0;               // the largest live_bytes so far
    std::size_t cached_bytes = 0;             // free, kept for reuse
    std::int64_t driver_allocations = 0;      // requests that reached the heap or the driver
  };

  enum class Use : std::uint8_t { of_context, of_graphs };  // of_graphs: keeps its blocks under the emulator too

  MemoryPool(bool on_gpu, gpu::Stream stream, Use use = Use::of_context);
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // At least `bytes` bytes, aligned to 256. Throws MemoryError with the counters where there is no memory left,
  // after giving back everything cached; throws DeviceError while sealed if the request would reach the driver.
  void* allocate(std::size_t bytes);
  void release(void* block, std::size_t bytes) noexcept;

  void seal(bool sealed) { sealed_ = sealed; }  // while a graph is captured, and as long as there is one
  void trim() noexcept;                         // gives cached blocks back
  const Counters& counters() const { return counters_; }
  bool caches() const { return !pass_through_; }  // false: every request reaches the heap or the driver

  // The bytes really taken for a request: eight classes per doubling, at least 256.
  static std::size_t size_class(std::size_t bytes);

 private:
  void* raw_allocate(std::size_t bytes);  // null where there is no memory
  void raw_release(void* block) noexcept;

  bool on_gpu_;
  bool pass_through_;
  bool sealed_ = false;
  gpu::Stream stream_;
  Counters counters_;
  std::unordered_map<std::size_t, std::vector<void*>> free_;
};

}  // namespace pliant
