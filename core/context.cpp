#include "core/context.h"

#include <omp.h>

#include "core/check.h"

namespace pliant {

const char* name_of(Device device) {
  switch (device) {
    case Device::cpu: return "cpu";
    case Device::cuda: return "cuda";
    case Device::emulated: return "emulated";
  }
  return "?";
}

bool is_usable(Device device, std::string* why) {
  if (device == Device::cpu) return true;
#if defined(PLIANT_WITH_CUDA)
  const bool built = device == Device::cuda;
  const char* reason = "this build drives a CUDA device; the emulator is in builds with PLIANT_CUDA=OFF";
#else
  const bool built = device == Device::emulated;
  const char* reason = "this build has no CUDA; configure with PLIANT_CUDA=ON where nvcc and cuDNN are installed";
#endif
  if (!built) {
    if (why) *why = reason;
    return false;
  }
  const gpu::Availability availability = gpu::availability();
  if (!availability.usable && why) *why = availability.what;
  return availability.usable;
}

Context::Context(Device device, ContextOptions options) : device_(device), options_(options) {
  std::string why;
  PLIANT_REQUIRE(DeviceError, is_usable(device, &why), "device ", name_of(device), " cannot be used: ", why);
  PLIANT_REQUIRE(ConfigError, options.threads >= 0, "threads must be 0 (all cores) or more, got ", options.threads);
  threads_ = options.threads > 0 ? options.threads : omp_get_num_procs();
  omp_set_num_threads(threads_);
  if (backend() == Backend::gpu) stream_ = gpu::create_stream(options.order, options.order_seed);
  pool_ = std::make_shared<MemoryPool>(backend() == Backend::gpu, stream_);
}

Context::~Context() {
  attachments_.clear();
  pool_.reset();
  if (backend() == Backend::gpu) gpu::destroy_stream(stream_);
}

void Context::synchronize() {
  if (backend() == Backend::gpu) gpu::synchronize(stream_);
}

}  // namespace pliant
