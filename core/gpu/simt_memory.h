// The memory of an emulated device: live allocations, the dynamic shared memory of the kernel that runs, and, where
// kernels report their accesses, the shadow that checks these.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "core/gpu/simt_shadow.h"

namespace pliant::gpu::simt {

class Memory {
 public:
  Memory() = default;
  ~Memory();
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;

  void* allocate(std::size_t bytes);
  void release(void* block) noexcept;
  // Each throws DeviceError unless the device's side of the copy lies in one live allocation.
  void copy_to_device(void* target, const void* source, std::size_t bytes);
  void copy_to_host(void* target, const void* source, std::size_t bytes);  // and was written
  void copy(void* target, const void* source, std::size_t bytes);
  void set_zero(void* target, std::size_t bytes);

  void begin_launch(unsigned threads, std::size_t shared_bytes);
  void begin_block(uint3 index);
  void end_launch() noexcept;
  void* dynamic_shared() const { return shared_; }
  Order& order() { return order_; }
  std::string access(std::uintptr_t address, std::size_t bytes, Kind kind, unsigned thread) {
    return shadow_.access(address, bytes, kind, order_, thread);
  }

 private:
  void require_live(const char* call, const void* address, std::size_t bytes) const;

  std::map<std::uintptr_t, std::size_t> allocations_;  // address to bytes
  Shadow shadow_;
  Order order_;
  void* shared_ = nullptr;
  std::size_t shared_bytes_ = 0;
};

}  // namespace pliant::gpu::simt
