#include "core/memory_pool.h"

#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/check.h"

namespace pliant {

namespace {

constexpr std::size_t kAlignment = 256;

#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#else
constexpr bool kSanitized = false;
#endif

#if defined(PLIANT_WITH_CUDA)
constexpr bool kEmulated = false;
#else
constexpr bool kEmulated = true;
#endif

}  // namespace

MemoryPool::MemoryPool(bool on_gpu, gpu::Stream stream, Use use)
    : on_gpu_(on_gpu), pass_through_(use == Use::of_context && (kSanitized || (on_gpu && kEmulated))), stream_(stream) {}

MemoryPool::~MemoryPool() { trim(); }

std::size_t MemoryPool::size_class(std::size_t bytes) {
  if (bytes <= kAlignment) return kAlignment;
  const std::size_t step = std::max<std::size_t>(std::bit_floor(bytes - 1) / 8, kAlignment);
  return (bytes + step - 1) / step * step;
}

void* MemoryPool::raw_allocate(std::size_t bytes) {
  if (on_gpu_) {
    try {
      return gpu::allocate(stream_, bytes);
    } catch (const MemoryError&) {
      return nullptr;
    }
  }
  void* block = std::aligned_alloc(kAlignment, (bytes + kAlignment - 1) / kAlignment * kAlignment);
  // Sanitized runs start from NaN, so that a value that was never written cannot pass for a number.
  if (kSanitized && block) std::memset(block, 0xFF, bytes);
  return block;
}

void MemoryPool::raw_release(void* block) noexcept {
  if (on_gpu_) {
    gpu::release(stream_, block);
  } else {
    std::free(block);
  }
}

void* MemoryPool::allocate(std::size_t bytes) {
  const std::size_t taken = pass_through_ ? bytes : size_class(bytes);
  void* block = nullptr;
  if (auto found = free_.find(taken); !pass_through_ && found != free_.end() && !found->second.empty()) {
    block = found->second.back();
    found->second.pop_back();
    counters_.cached_bytes -= taken;
  } else {
    PLIANT_REQUIRE(DeviceError, !sealed_, "a request for ", bytes, " bytes reaches the driver while a graph is captured; ",
                   "run the step once more before capturing it");
    block = raw_allocate(taken);
    if (!block) {
      if (on_gpu_) gpu::synchronize(stream_);
      trim();
      block = raw_allocate(taken);
    }
    PLIANT_REQUIRE(MemoryError, block, "no memory for ", bytes, " bytes on the ", on_gpu_ ? "GPU" : "host", ": ",
                   counters_.live_bytes, " bytes are in use, at most ", counters_.peak_bytes,
                   " were; use a smaller batch or net");
    ++counters_.driver_allocations;
  }
  counters_.live_bytes += taken;
  counters_.peak_bytes = std::max(counters_.peak_bytes, counters_.live_bytes);
  return block;
}

void MemoryPool::release(void* block, std::size_t bytes) noexcept {
  const std::size_t taken = pass_through_ ? bytes : size_class(bytes);
  counters_.live_bytes -= taken;
  if (pass_through_) {
    raw_release(block);
    return;
  }
  try {
    free_[taken].push_back(block);
    counters_.cached_bytes += taken;
  } catch (const std::bad_alloc&) {
    raw_release(block);
  }
}

void MemoryPool::trim() noexcept {
  for (auto& [bytes, blocks] : free_) {
    for (void* block : blocks) raw_release(block);
    blocks.clear();
  }
  counters_.cached_bytes = 0;
}

}  // namespace pliant
