// Reuses memory, so that a training step asks the system for nothing after its first runs: on the host by ranges (HostHeap), on a GPU by
// blocks of size classes, which a second run of the same step surely finds again, as its capture needs. A block freed on the host may be
// reused at once: all work is ordered by one stream. Belongs to a Context, or to captured graphs, which need their addresses as long as they
// are replayed. Under the emulator and the address sanitizer every block of a Context is an allocation of its own, so that overruns are seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <unordered_map>
#include <vector>

#include "core/gpu/runtime.h"
#include "core/host_heap.h"

namespace pliant {

class MemoryPool {
 public:
  struct Counters {
    std::size_t live_bytes = 0;               // handed out now
    std::size_t peak_bytes = 0;               // the largest live_bytes so far
    std::size_t cached_bytes = 0;             // free, kept for reuse
    std::int64_t requests = 0;                // calls of allocate()
    std::int64_t driver_allocations = 0;      // those for which the heap grew, or that reached the driver
  };

  enum class Use : std::uint8_t { of_context, of_graphs };  // of_graphs: keeps its blocks under the emulator too

  MemoryPool(bool on_gpu, gpu::Stream stream, Use use = Use::of_context);
  ~MemoryPool();
  MemoryPool(const MemoryPool&) = delete;
  MemoryPool& operator=(const MemoryPool&) = delete;

  // At least `bytes` bytes, aligned to 256. Throws MemoryError with the counters where there is no memory left,
  // after giving back what is cached; throws DeviceError while sealed if the request would reach the driver.
  void* allocate(std::size_t bytes);
  void release(void* block, std::size_t bytes) noexcept;

  void seal(bool sealed) { sealed_ = sealed; }  // while a graph is captured, and as long as there is one
  void trim() noexcept;                         // gives cached memory back
  void fail_from(std::int64_t request) { failing_from_ = request; }  // for tests: as if memory ended with this request; negative: never
  const Counters& counters() const { return counters_; }
  bool caches() const { return !pass_through_; }  // false: every request reaches the system or the driver

  // The bytes really taken for a request to a GPU's pool: eight classes per doubling, at least 256.
  static std::size_t size_class(std::size_t bytes);

 private:
  std::size_t taken_for(std::size_t bytes) const;
  void* from_cache(std::size_t taken);   // null where nothing fits
  void* from_system(std::size_t taken);  // null where there is no memory
  void to_system(void* block) noexcept;

  bool on_gpu_;
  bool pass_through_;
  bool sealed_ = false;
  gpu::Stream stream_;
  Counters counters_;
  std::int64_t failing_from_ = -1;
  HostHeap heap_;                                            // of the host
  std::unordered_map<std::size_t, std::vector<void*>> free_;  // of a GPU
};

}  // namespace pliant
