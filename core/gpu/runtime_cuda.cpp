// core/gpu/runtime.h over the CUDA runtime: one non-blocking stream, plain cudaMalloc (the pool above caches blocks).
#include "core/gpu/runtime.h"

#include <cuda_runtime.h>

#include <cstdlib>
#include <cstring>

#include "core/check.h"

namespace pliant::gpu {

namespace {

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // a failed call must not be reported again by the next launch
  throw DeviceError(cat(call, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"));
}

std::string kernel_name(const void* kernel) {
  const char* name = nullptr;
  if (cudaFuncGetName(&name, kernel) != cudaSuccess || name == nullptr) return "a kernel";
  return name;
}

bool synchronise_each_launch() {
  static const bool wanted = [] {
    const char* value = std::getenv("PLIANT_SYNCHRONIZE");
    return value != nullptr && std::strcmp(value, "1") == 0;
  }();
  return wanted;
}

}  // namespace

Availability availability() {
  int count = 0;
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status != cudaSuccess || count == 0) {
    cudaGetLastError();
    return {false, status == cudaSuccess ? "no CUDA device" : cudaGetErrorString(status)};
  }
  cudaDeviceProp properties{};
  if (const cudaError_t failed = cudaGetDeviceProperties(&properties, 0); failed != cudaSuccess) {
    cudaGetLastError();
    return {false, cudaGetErrorString(failed)};
  }
  return {true, cat(properties.name, ", compute capability ", properties.major, '.', properties.minor, ", ",
                    properties.totalGlobalMem >> 30, " GiB")};
}

Stream create_stream(ThreadOrder, std::uint64_t) {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return stream;
}

void destroy_stream(Stream stream) noexcept { cudaStreamDestroy(stream); }

void* allocate(Stream, std::size_t bytes) {
  void* block = nullptr;
  const cudaError_t status = cudaMalloc(&block, bytes == 0 ? 1 : bytes);
  if (status == cudaErrorMemoryAllocation) {
    cudaGetLastError();
    throw MemoryError(cat("cudaMalloc: no memory for ", bytes, " bytes on the GPU"));
  }
  check(status, "cudaMalloc");
  return block;
}

void release(Stream, void* block) noexcept { cudaFree(block); }

void copy_to_device(Stream stream, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync to the device");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize after a copy to the device");
}

void copy_to_host(Stream stream, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToHost, stream), "cudaMemcpyAsync to the host");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize after a copy to the host");
}

void copy(Stream stream, void* target, const void* source, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyDeviceToDevice, stream), "cudaMemcpyAsync on the device");
}

void set_zero(Stream stream, void* target, std::size_t bytes) {
  if (bytes == 0) return;
  check(cudaMemsetAsync(target, 0, bytes, stream), "cudaMemsetAsync");
}

void synchronize(Stream stream) { check(cudaStreamSynchronize(stream), "cudaStreamSynchronize"); }

// Declared in launch.h for kernels.
void prepare_launch(const void* kernel, std::size_t shared_bytes) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
        cat("shared memory of ", kernel_name(kernel)).c_str());
}

void check_launch(const void* kernel, Stream stream) {
  cudaError_t status = cudaPeekAtLastError();
  if (status == cudaSuccess && synchronise_each_launch()) status = cudaStreamSynchronize(stream);
  if (status != cudaSuccess) check(status, kernel_name(kernel).c_str());
}

}  // namespace pliant::gpu
