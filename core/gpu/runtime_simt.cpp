// core/gpu/runtime.h over the SIMT emulator. Everything is complete when the call returns, unless it is captured.
#include <utility>

#include "core/gpu/runtime.h"
#include "core/gpu/simt_device.h"
#include "core/gpu/simt_recording.h"

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

void synchronize(Stream stream) { stream->refuse_while_recording("synchronize"); }

void begin_capture(Stream stream) { stream->begin_recording(); }

Graph end_capture(Stream stream) {
  std::unique_ptr<simt::Recording> recording = stream->end_recording();
  const std::size_t nodes = recording->calls.size();
  return {stream, recording.release(), nodes};
}

void abandon_capture(Stream stream) noexcept {
  if (stream->recording()) stream->end_recording();
}

bool is_capturing(Stream stream) { return stream->recording(); }

Graph::~Graph() { delete recording_; }

void Graph::replay() const {
  stream_->refuse_while_recording("replay");
  for (const auto& call : recording_->calls) call(*stream_);
}

void Graph::swap(Graph& other) noexcept {
  std::swap(stream_, other.stream_);
  std::swap(recording_, other.recording_);
  std::swap(nodes_, other.nodes_);
}

}  // namespace pliant::gpu
