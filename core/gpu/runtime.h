// The few calls that Pliant needs from a device, over the CUDA runtime (runtime_cuda.cpp) or, in a build without CUDA,
// over the SIMT emulator (runtime_simt.cpp). Everything is ordered by one stream. Failures throw DeviceError or
// MemoryError and name the call.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#if defined(PLIANT_WITH_CUDA)
struct CUstream_st;  // what cudaStream_t points to
#endif

namespace pliant::gpu {

#if defined(PLIANT_WITH_CUDA)
using Stream = CUstream_st*;
#else
namespace simt {
class Device;  // owns the emulated memory, the thread order and the log of runs
}
using Stream = simt::Device*;
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

}  // namespace pliant::gpu
