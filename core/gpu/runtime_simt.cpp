// core/gpu/runtime.h over the SIMT emulator. Everything is complete when the call returns.
#include "core/gpu/runtime.h"
#include "core/gpu/simt_device.h"

namespace pliant::gpu {

Availability availability() { return {true, "SIMT emulator"}; }

Stream create_stream(ThreadOrder order, std::uint64_t order_seed) { return new simt::Device(order, order_seed); }

void destroy_stream(Stream stream) noexcept { delete stream; }

void* allocate(Stream stream, std::size_t bytes) { return stream->allocate(bytes); }

void release(Stream stream, void* block) noexcept { stream->release(block); }

void copy_to_device(Stream stream, void* target, const void* source, std::size_t bytes) {
  stream->copy_to_device(target, source, bytes);
}

void copy_to_host(Stream stream, void* target, const void* source, std::size_t bytes) {
  stream->copy_to_host(target, source, bytes);
}

void copy(Stream stream, void* target, const void* source, std::size_t bytes) { stream->copy(target, source, bytes); }

void set_zero(Stream stream, void* target, std::size_t bytes) { stream->set_zero(target, bytes); }

void synchronize(Stream) {}

}  // namespace pliant::gpu
