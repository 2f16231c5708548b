// The few calls that Pliant needs from a device, over the CUDA runtime (runtime_cuda.cpp) or, in a build without CUDA,
// over the SIMT emulator (runtime_simt.cpp). Everything is ordered by one stream. Failures throw DeviceError or
// MemoryError and name the call. Between begin_capture and end_capture work is recorded instead of run, and a Graph replays it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#if defined(PLIANT_WITH_CUDA)
struct CUstream_st;     // what cudaStream_t points to
struct CUgraphExec_st;  // what cudaGraphExec_t points to
#endif

namespace pliant::gpu {

#if defined(PLIANT_WITH_CUDA)
using Stream = CUstream_st*;
using Recording = CUgraphExec_st*;
#else
namespace simt {
class Device;      // owns the emulated memory, the thread order and the log of runs
struct Recording;  // launches, copies and zeroings with their arguments
}
using Stream = simt::Device*;
using Recording = simt::Recording*;
#endif

// The order in which the emulator runs the threads of a block and the blocks of a grid. Ignored by a real GPU.
enum class ThreadOrder : std::uint8_t { forward, reverse, shuffled };

// Whether this build can drive a device here, and if not, why (for `pliant doctor` and for --device auto).
struct Availability {
  bool usable = false;
  std::string what;  // "NVIDIA H200, compute capability 9.0, 139 GiB", "SIMT emulator", or the reason
};
Availability availability();

Stream create_stream(ThreadOrder order, std::uint64_t order_seed);
void destroy_stream(Stream stream) noexcept;

void* allocate(Stream stream, std::size_t bytes);  // at least 256-byte aligned; throws MemoryError
void release(Stream stream, void* block) noexcept;

// Host pointers are pageable; the copies are ordered on the stream and complete when the call returns, except `copy`.
void copy_to_device(Stream stream, void* target, const void* source, std::size_t bytes);
void copy_to_host(Stream stream, void* target, const void* source, std::size_t bytes);
void copy(Stream stream, void* target, const void* source, std::size_t bytes);  // device to device
void set_zero(Stream stream, void* target, std::size_t bytes);
void synchronize(Stream stream);

// What was captured on a stream, which must outlive it. A replay runs the same kernels on the same addresses: whoever captured keeps
// that memory. Destruction waits for replays that still run.
class Graph {
 public:
  Graph() = default;
  Graph(Stream stream, Recording recording, std::size_t nodes) : stream_(stream), recording_(recording), nodes_(nodes) {}
  ~Graph();
  Graph(Graph&& other) noexcept { swap(other); }
  Graph& operator=(Graph&& other) noexcept { return swap(other), *this; }

  explicit operator bool() const { return recording_ != nullptr; }
  void replay() const;                         // in order with everything else on the stream; does not wait
  std::size_t nodes() const { return nodes_; }  // launches, copies and zeroings

 private:
  void swap(Graph& other) noexcept;

  Stream stream_{};
  Recording recording_ = nullptr;
  std::size_t nodes_ = 0;
};

// From here on kernels, device copies and zeroings are recorded and do not run. What would wait for the device, move data to or from
// the host, or allocate is refused with a DeviceError that names the call. Throws DeviceError where a capture is under way.
void begin_capture(Stream stream);
// Ends the capture in every case. Throws DeviceError where what was recorded cannot be replayed.
Graph end_capture(Stream stream);
void abandon_capture(Stream stream) noexcept;  // ends it, if one is under way, and keeps nothing
bool is_capturing(Stream stream);

}  // namespace pliant::gpu
