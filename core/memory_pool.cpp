#include "core/memory_pool.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/check.h"

namespace pliant {

namespace {

constexpr std::size_t kAlignment = HostHeap::kAlignment;

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

std::size_t MemoryPool::taken_for(std::size_t bytes) const {
  if (pass_through_) return bytes;
  if (on_gpu_) return size_class(bytes);
  return std::max((bytes + kAlignment - 1) / kAlignment * kAlignment, kAlignment);
}

void* MemoryPool::from_cache(std::size_t taken) {
  if (pass_through_) return nullptr;
  if (!on_gpu_) return heap_.allocate(taken);
  const auto found = free_.find(taken);
  if (found == free_.end() || found->second.empty()) return nullptr;
  void* block = found->second.back();
  found->second.pop_back();
  counters_.cached_bytes -= taken;
  return block;
}

void* MemoryPool::from_system(std::size_t taken) {
  if (on_gpu_) {
    try {
      return gpu::allocate(stream_, taken);
    } catch (const MemoryError&) {
      return nullptr;
    }
  }
  if (!pass_through_) return heap_.grow(taken) ? heap_.allocate(taken) : nullptr;
  void* block = std::aligned_alloc(kAlignment, (taken + kAlignment - 1) / kAlignment * kAlignment);
  // Sanitized runs start from NaN, so that a value that was never written cannot pass for a number.
  if (kSanitized && block) std::memset(block, 0xFF, taken);
  return block;
}

void MemoryPool::to_system(void* block) noexcept {
  if (on_gpu_) {
    gpu::release(stream_, block);
  } else {
    std::free(block);
  }
}

void* MemoryPool::allocate(std::size_t bytes) {
  const std::size_t taken = taken_for(bytes);
  const bool fails = failing_from_ >= 0 && counters_.requests >= failing_from_;
  ++counters_.requests;
  void* block = fails ? nullptr : from_cache(taken);
  if (!block) {
    PLIANT_REQUIRE(DeviceError, !sealed_, "a request for ", bytes, " bytes reaches the driver while a graph is captured; ",
                   "run the step once more before capturing it");
    if (!fails) block = from_system(taken);
    if (!block && !fails) {
      if (on_gpu_) gpu::synchronize(stream_);
      trim();
      block = from_system(taken);
    }
    PLIANT_REQUIRE(MemoryError, block, "no memory for ", bytes, " bytes on the ", on_gpu_ ? "GPU" : "host", ": ",
                   counters_.live_bytes, " bytes are in use, at most ", counters_.peak_bytes,
                   " were; use a smaller batch or net");
    ++counters_.driver_allocations;
  }
  counters_.live_bytes += taken;
  counters_.peak_bytes = std::max(counters_.peak_bytes, counters_.live_bytes);
  if (!on_gpu_) counters_.cached_bytes = heap_.free_bytes();
  return block;
}

void MemoryPool::release(void* block, std::size_t bytes) noexcept {
  const std::size_t taken = taken_for(bytes);
  counters_.live_bytes -= taken;
  if (pass_through_) return to_system(block);
  if (!on_gpu_) {
    heap_.release(block);
    counters_.cached_bytes = heap_.free_bytes();
    return;
  }
  try {
    free_[taken].push_back(block);
    counters_.cached_bytes += taken;
  } catch (const std::bad_alloc&) {
    to_system(block);
  }
}

void MemoryPool::trim() noexcept {
  for (auto& [bytes, blocks] : free_) {
    for (void* block : blocks) to_system(block);
    blocks.clear();
  }
  heap_.trim();
  counters_.cached_bytes = heap_.free_bytes();
}

}  // namespace pliant
