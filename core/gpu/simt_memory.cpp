#include "core/gpu/simt_memory.h"

#include <cstring>
#include <new>

#include "core/check.h"
#include "core/gpu/simt_device.h"

namespace pliant::gpu::simt {

namespace {

constexpr bool kChecked = PLIANT_SIMT_ACCESS_CHECKS;
constexpr std::align_val_t kAlignment{Shadow::kPageBytes};

std::uintptr_t number(const void* address) { return reinterpret_cast<std::uintptr_t>(address); }

// Whole pages where the shadow needs them; the exact size where the address sanitizer watches its end.
void* take(std::size_t bytes) {
  const std::size_t taken =
      kChecked ? (bytes + Shadow::kPageBytes - 1) / Shadow::kPageBytes * Shadow::kPageBytes : bytes;
  void* block = ::operator new(taken, kAlignment, std::nothrow);
  PLIANT_REQUIRE(MemoryError, block != nullptr, "SIMT emulator: no memory for ", bytes, " bytes");
  std::memset(block, 0xFF, bytes);
  return block;
}

}  // namespace

Memory::~Memory() {
  for (const auto& [address, bytes] : allocations_) ::operator delete(reinterpret_cast<void*>(address), kAlignment);
}

void* Memory::allocate(std::size_t bytes) {
  void* block = take(bytes);
  allocations_.emplace(number(block), bytes);
  if (kChecked) shadow_.add(number(block), bytes, false);
  return block;
}

void Memory::release(void* block) noexcept {
  const auto found = allocations_.find(number(block));
  if (found == allocations_.end()) return;
  if (kChecked) shadow_.remove(found->first, found->second);
  allocations_.erase(found);
  ::operator delete(block, kAlignment);
}

void Memory::require_live(const char* call, const void* address, std::size_t bytes) const {
  const std::uintptr_t start = number(address);
  auto after = allocations_.upper_bound(start);
  PLIANT_REQUIRE(DeviceError, after != allocations_.begin(), call, ": ", address, " is no device memory");
  const auto& [first, size] = *--after;
  PLIANT_REQUIRE(DeviceError, start - first <= size && bytes <= size - (start - first), call, ": bytes ",
                 start - first, " to ", start - first + bytes, " of a device allocation of ", size, " bytes");
}

void Memory::copy_to_device(void* target, const void* source, std::size_t bytes) {
  require_live("copy_to_device", target, bytes);
  std::memcpy(target, source, bytes);
  if (kChecked) shadow_.set_written(number(target), bytes);
}

void Memory::copy_to_host(void* target, const void* source, std::size_t bytes) {
  require_live("copy_to_host", source, bytes);
  if (kChecked) {
    const std::size_t offset = shadow_.first_unwritten(number(source), bytes);
    PLIANT_REQUIRE(DeviceError, offset == bytes, "copy_to_host: byte ", offset, " of ", bytes, " was never written");
  }
  std::memcpy(target, source, bytes);
}

void Memory::copy(void* target, const void* source, std::size_t bytes) {
  require_live("copy", target, bytes);
  require_live("copy", source, bytes);
  std::memmove(target, source, bytes);
  if (kChecked) shadow_.copy_written(number(target), number(source), bytes);
}

void Memory::set_zero(void* target, std::size_t bytes) {
  require_live("set_zero", target, bytes);
  std::memset(target, 0, bytes);
  if (kChecked) shadow_.set_written(number(target), bytes);
}

void Memory::begin_launch(unsigned threads, std::size_t shared_bytes) {
  order_.begin_launch(threads);
  shared_bytes_ = shared_bytes;
  if (shared_bytes == 0) return;
  shared_ = take(shared_bytes);
  if (kChecked) shadow_.add(number(shared_), shared_bytes, true);
}

void Memory::begin_block(uint3 index) {
  order_.begin_block(index);
  // Shared memory has no initial value; this one is NaN.
  if (shared_bytes_ != 0) std::memset(shared_, 0xFF, shared_bytes_);
  if (kChecked) shadow_.begin_block();
}

void Memory::end_launch() noexcept {
  shadow_.end_launch();
  if (shared_ == nullptr) return;
  if (kChecked) shadow_.remove(number(shared_), shared_bytes_);
  ::operator delete(shared_, kAlignment);
  shared_ = nullptr;
}

}  // namespace pliant::gpu::simt
