#include "core/gpu/simt_device.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <mutex>
#include <set>

#include "core/check.h"
#include "core/gpu/simt_memory.h"
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

void* Device::allocate(std::size_t bytes) { return memory_->allocate(bytes); }

void Device::release(void* block) noexcept { memory_->release(block); }

void Device::copy_to_device(void* target, const void* source, std::size_t bytes) {
  if (bytes != 0) memory_->copy_to_device(target, source, bytes);
}

void Device::copy_to_host(void* target, const void* source, std::size_t bytes) {
  if (bytes != 0) memory_->copy_to_host(target, source, bytes);
}

void Device::copy(void* target, const void* source, std::size_t bytes) {
  if (bytes != 0) memory_->copy(target, source, bytes);
}

void Device::set_zero(void* target, std::size_t bytes) {
  if (bytes != 0) memory_->set_zero(target, bytes);
}

void Device::launch(const void* kernel, dim3 grid, dim3 block, std::size_t shared_bytes, const Body& body) {
  static std::mutex turns;
  const std::string name = Symbols::of_program().kernel_name(kernel);
  check_shape(name, grid, block, shared_bytes);
  PLIANT_REQUIRE(DeviceError, running == nullptr, name, ": a kernel cannot launch a kernel");
  const std::lock_guard turn(turns);
  ++runs_[cat(name, ' ', name_of(order_), ' ', text(grid), ' ', text(block))];
  scheduler_->run(name, grid, block, shared_bytes, body);
}

}  // namespace pliant::gpu::simt
