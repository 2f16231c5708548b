#include "core/gpu/simt_device.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <mutex>
#include <set>
#include <utility>
#include <vector>

#include "core/check.h"
#include "core/gpu/simt_memory.h"
#include "core/gpu/simt_recording.h"
#include "core/gpu/simt_scheduler.h"
#include "core/gpu/simt_symbols.h"

namespace pliant::gpu::simt {

namespace {

std::string text(dim3 size) { return cat(size.x, 'x', size.y, 'x', size.z); }

void check_shape(const std::string& kernel, dim3 grid, dim3 block, std::size_t shared_bytes) {
  const std::uint64_t threads = std::uint64_t{block.x} * block.y * block.z;
  PLIANT_REQUIRE(DeviceError, threads >= 1 && threads <= 1024 && block.z <= 64, kernel, ": a block of ", text(block),
                 " threads; 1 to 1024 can run");
  const std::uint64_t blocks = std::uint64_t{grid.x} * grid.y * grid.z;
  PLIANT_REQUIRE(DeviceError, blocks >= 1 && grid.x <= 0x7fffffffu && grid.y <= 65535 && grid.z <= 65535 &&
                     blocks <= 0xffffffffu,
                 kernel, ": a grid of ", text(grid), " blocks cannot run");
  PLIANT_REQUIRE(DeviceError, shared_bytes <= 227 * 1024, kernel, ": ", shared_bytes,
                 " bytes of dynamic shared memory; a block has 227 KiB");
}

// Counts one request; true where it is to fail.
bool fails(std::int64_t& left) {
  if (left == 0) return true;
  if (left > 0) --left;
  return false;
}

// One process writes at a time, and each line once: several test programs share the file.
void append_lines(const char* path, const std::map<std::string, std::uint64_t>& runs) {
  const int file = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (file < 0) return;
  flock(file, LOCK_EX);
  std::set<std::string> known;
  std::ifstream old(path);
  for (std::string line; std::getline(old, line);) known.insert(line);
  std::string added;
  for (const auto& [line, count] : runs) {
    if (!known.contains(line)) added += line + '\n';
  }
  for (std::size_t done = 0; done < added.size();) {
    const ssize_t written = write(file, added.data() + done, added.size() - done);
    if (written <= 0) break;
    done += static_cast<std::size_t>(written);
  }
  close(file);
}

}  // namespace

const char* name_of(ThreadOrder order) {
  switch (order) {
    case ThreadOrder::forward: return "forward";
    case ThreadOrder::reverse: return "reverse";
    case ThreadOrder::shuffled: return "shuffled";
  }
  return "?";
}

Device::Device(ThreadOrder order, std::uint64_t order_seed)
    : order_(order),
      memory_(std::make_unique<Memory>()),
      scheduler_(std::make_unique<Scheduler>(*memory_, order, order_seed)) {}

Device::~Device() {
  const char* path = std::getenv("PLIANT_SIMT_LOG");
  if (path == nullptr || *path == '\0') return;
  try {
    append_lines(path, runs_);
  } catch (const std::exception&) {  // a missing log fails the check that reads it, not the program
  }
}

void Device::begin_recording() {
  refuse_while_recording("begin_capture");
  recording_ = std::make_unique<Recording>();
}

std::unique_ptr<Recording> Device::end_recording() {
  PLIANT_REQUIRE(DeviceError, recording_, "end_capture: no graph is captured");
  return std::move(recording_);
}

void Device::refuse_while_recording(const char* call) const {
  PLIANT_REQUIRE(DeviceError, !recording_, call, ": refused while a graph is captured");
}

void* Device::allocate(std::size_t bytes) {
  refuse_while_recording("allocate");
  PLIANT_REQUIRE(MemoryError, !fails(faults.allocations), "SIMT emulator: a request for ", bytes, " bytes fails on purpose");
  return memory_->allocate(bytes);
}

void Device::release(void* block) noexcept { memory_->release(block); }

void Device::copy_to_device(void* target, const void* source, std::size_t bytes) {
  refuse_while_recording("copy_to_device");
  if (bytes != 0) memory_->copy_to_device(target, source, bytes);
}

void Device::copy_to_host(void* target, const void* source, std::size_t bytes) {
  refuse_while_recording("copy_to_host");
  if (bytes != 0) memory_->copy_to_host(target, source, bytes);
}

void Device::copy(void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  if (recording_) return recording_->calls.push_back([=](Device& device) { device.copy(target, source, bytes); });
  memory_->copy(target, source, bytes);
}

void Device::set_zero(void* target, std::size_t bytes) {
  if (bytes == 0) return;
  if (recording_) return recording_->calls.push_back([=](Device& device) { device.set_zero(target, bytes); });
  memory_->set_zero(target, bytes);
}

void Device::launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, const Body& body) {
  static std::mutex turns;
  const std::string name = Symbols::of_program().kernel_name(kernel);
  check_shape(name, grid, block, shared_bytes);
  PLIANT_REQUIRE(DeviceError, running == nullptr, name, ": a kernel cannot launch a kernel");
  PLIANT_REQUIRE(DeviceError, !fails(faults.launches), name, ": the launch fails on purpose");
  if (recording_) {
    std::vector<std::max_align_t> arguments((body.bytes + sizeof(std::max_align_t) - 1) / sizeof(std::max_align_t));
    std::memcpy(arguments.data(), body.data, body.bytes);
    return recording_->calls.push_back([=, invoke = body.invoke, bytes = body.bytes, kept = std::move(arguments)](Device& device) {
      device.launch(kernel, grid, block, shared_bytes, {invoke, kept.data(), bytes});
    });
  }
  const std::lock_guard turn(turns);
  ++runs_[cat(name, ' ', name_of(order_), ' ', text(grid), ' ', text(block))];
  scheduler_->run(name, grid, block, shared_bytes, body);
}

}  // namespace pliant::gpu::simt
