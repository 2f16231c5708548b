#include "core/gpu/simt_memory.h"

#include <cstring>
#include <new>

#include "core/check.h"

namespace pliant::gpu::simt {

namespace {
constexpr std::align_val_t kAlignment{4096};
}

Memory::~Memory() {
  for (const auto& [address, bytes] : allocations_) ::operator delete(reinterpret_cast<void*>(address), kAlignment);
}

void* Memory::allocate(std::size_t bytes) {
  void* block = ::operator new(bytes, kAlignment, std::nothrow);
  PLIANT_REQUIRE(MemoryError, block != nullptr, "SIMT emulator: no memory for ", bytes, " bytes");
  std::memset(block, 0xFF, bytes);
  allocations_.emplace(reinterpret_cast<std::uintptr_t>(block), bytes);
  return block;
}

void Memory::release(void* block) noexcept {
  if (allocations_.erase(reinterpret_cast<std::uintptr_t>(block)) != 0) ::operator delete(block, kAlignment);
}

void Memory::require_live(const char* call, const void* address, std::size_t bytes) const {
  const auto start = reinterpret_cast<std::uintptr_t>(address);
  auto after = allocations_.upper_bound(start);
  PLIANT_REQUIRE(DeviceError, after != allocations_.begin(), call, ": ", address, " is no device memory");
  const auto& [first, size] = *--after;
  PLIANT_REQUIRE(DeviceError, start - first <= size && bytes <= size - (start - first), call, ": bytes ",
                 start - first, " to ", start - first + bytes, " of a device allocation of ", size, " bytes");
}

}  // namespace pliant::gpu::simt
