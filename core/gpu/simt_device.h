// One emulated device: its memory, the order in which it runs threads and blocks, and the log of what ran. Created by
// gpu::create_stream in a build without CUDA; a Stream points to it. Launches of all devices of a process take turns,
// because static __shared__ arrays and the built-in variables are the program's. Faults throw DeviceError and name the
// kernel, the block and the thread; the device can be used again afterwards.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "core/gpu/runtime.h"
#include "core/gpu/simt.h"

// 1 where kernels report their loads and stores (see PliantKernels.cmake), 0 under the address sanitizer.
#if defined(__SANITIZE_ADDRESS__)
#define PLIANT_SIMT_ACCESS_CHECKS 0
#else
#define PLIANT_SIMT_ACCESS_CHECKS 1
#endif

namespace pliant::gpu::simt {

class Memory;
struct Recording;
class Scheduler;

// A call of a kernel with its arguments, which lie in [data, data + bytes).
struct Body {
  void (*invoke)(const void* data);
  const void* data;
  std::size_t bytes;
};

// Failures on purpose, for tests: so many requests succeed, then each one fails until the number is set again. Negative: none fails.
struct Faults {
  std::int64_t allocations = -1, launches = -1;
};

class Device {
 public:
  Device(ThreadOrder order, std::uint64_t order_seed);
  ~Device();  // writes the log, see below
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  void* allocate(std::size_t bytes);  // filled with 0xFF: NaN, and never written as far as kernels are concerned
  void release(void* block) noexcept;
  void copy_to_device(void* target, const void* source, std::size_t bytes);
  void copy_to_host(void* target, const void* source, std::size_t bytes);
  void copy(void* target, const void* source, std::size_t bytes);
  void set_zero(void* target, std::size_t bytes);

  void launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, const Body& body);

  ThreadOrder order() const { return order_; }
  // How often each run happened, by "kernel order grid block", for example "relu_kernel<float> reverse 3x1x1 256x1x1".
  // When the device is destroyed, the lines are appended to the file that PLIANT_SIMT_LOG names, if it is set.
  const std::map<std::string, std::uint64_t>& runs() const { return runs_; }
  void note(const std::string& line) { ++runs_["# " + line]; }

  // See begin_capture in runtime.h: launches, copies between blocks and zeroings are kept instead of done, everything else is refused.
  void begin_recording();
  std::unique_ptr<Recording> end_recording();
  bool recording() const { return recording_ != nullptr; }
  void refuse_while_recording(const char* call) const;

  Faults faults;

 private:
  const ThreadOrder order_;
  std::unique_ptr<Memory> memory_;
  std::unique_ptr<Scheduler> scheduler_;
  std::unique_ptr<Recording> recording_;
  std::map<std::string, std::uint64_t> runs_;
};

const char* name_of(ThreadOrder order);

}  // namespace pliant::gpu::simt
