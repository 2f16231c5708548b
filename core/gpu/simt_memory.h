// The memory of an emulated device: the live allocations.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace pliant::gpu::simt {

class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* allocate(std::size_t bytes);
  void release(void* block) noexcept;
  // Throws DeviceError unless [address, address + bytes) lies in one live allocation.
  void require_live(const char* call, const void* address, std::size_t bytes) const;

 private:
  std::map<std::uintptr_t, std::size_t> allocations_;  // address to bytes
};

}  // namespace pliant::gpu::simt
