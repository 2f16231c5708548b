// Loaded before the CUDA runtime, answers the questions that tell whether there is a device to use: as a machine would that FAKE_CUDA names,
// old_driver, no_device or other_architecture. Everything else stays the real runtime's.
#include <cuda_runtime.h>

#include <cstdlib>
#include <cstring>

namespace {

bool machine_is(const char* name) {
  const char* machine = std::getenv("FAKE_CUDA");
  return machine != nullptr && std::strcmp(machine, name) == 0;
}

}  // namespace

extern "C" {

cudaError_t cudaDriverGetVersion(int* version) {
  *version = machine_is("old_driver") ? 12020 : 13000;
  return cudaSuccess;
}

cudaError_t cudaGetDeviceCount(int* count) {
  *count = machine_is("other_architecture") ? 1 : 0;
  if (machine_is("old_driver")) return cudaErrorInsufficientDriver;
  return machine_is("no_device") ? cudaErrorNoDevice : cudaSuccess;
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* properties, int) {
  *properties = {};
  std::strcpy(properties->name, "Tesla V100");
  properties->major = 7;
  return cudaSuccess;
}

cudaError_t cudaFuncGetAttributes(cudaFuncAttributes*, const void*) { return cudaErrorNoKernelImageForDevice; }

}  // extern "C"
