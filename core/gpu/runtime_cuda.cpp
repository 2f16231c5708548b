// core/gpu/runtime.h over the CUDA runtime: one non-blocking stream, plain cudaMalloc (the pool above caches blocks).
#include "core/gpu/runtime.h"

#include <cuda_runtime.h>

#include <cstdlib>
#include <cstring>
#include <utility>

#include "core/check.h"

namespace pliant::gpu {

namespace {

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // a failed call must not be reported again by the next launch
  PLIANT_REQUIRE(MemoryError, status != cudaErrorMemoryAllocation, call, ": no memory left on the GPU");
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

std::string version(int number) { return cat(number / 1000, '.', number % 1000 / 10); }  // 13000 is 13.0

// Asked before the call itself, which would spoil the capture and fail with less to say.
void refuse_while_capturing(Stream stream, const char* call) {
  PLIANT_REQUIRE(DeviceError, !is_capturing(stream), call, ": refused while a graph is captured");
}

}  // namespace

const void* sample_kernel();  // in memory_ops.cu

Availability availability() {
  int driver = 0, runtime = 0, count = 0;
  cudaDriverGetVersion(&driver);
  cudaRuntimeGetVersion(&runtime);
  if (driver == 0) return {false, "no NVIDIA driver is installed on this machine"};
  cudaError_t status = cudaGetDeviceCount(&count);
  cudaDeviceProp properties{};
  if (status == cudaSuccess && count > 0) status = cudaGetDeviceProperties(&properties, 0);
  cudaGetLastError();
  if (status == cudaErrorInsufficientDriver) {
    return {false, cat("the NVIDIA driver supports CUDA ", version(driver), ", this build needs CUDA ", version(runtime), "; install a newer driver")};
  }
  if (status == cudaErrorNoDevice || (status == cudaSuccess && count == 0)) {
    const char* visible = std::getenv("CUDA_VISIBLE_DEVICES");
    return {false, cat("the NVIDIA driver finds no CUDA device", visible ? cat("; CUDA_VISIBLE_DEVICES is \"", visible, "\"") : "")};
  }
  if (status != cudaSuccess) return {false, cat(cudaGetErrorString(status), " (", cudaGetErrorName(status), ")")};
  cudaFuncAttributes attributes{};
  status = cudaFuncGetAttributes(&attributes, sample_kernel());
  cudaGetLastError();
  if (status == cudaErrorNoKernelImageForDevice || status == cudaErrorInvalidDeviceFunction || status == cudaErrorUnsupportedPtxVersion) {
    return {false, cat(properties.name, " has compute capability ", properties.major, '.', properties.minor, ", this build has code for ",
                       PLIANT_CUDA_ARCHITECTURES, "; configure with -DCMAKE_CUDA_ARCHITECTURES=", properties.major, properties.minor)};
  }
  if (status != cudaSuccess) return {false, cat(properties.name, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")")};
  return {true, cat(properties.name, ", compute capability ", properties.major, '.', properties.minor, ", ",
                    properties.totalGlobalMem >> 30, " GiB")};
}

Stream create_stream(ThreadOrder, std::uint64_t) {
  cudaStream_t stream = nullptr;
  check(cudaStreamCreateWithFlags(&stream, cudaStreamNonBlocking), "cudaStreamCreateWithFlags");
  return stream;
}

void destroy_stream(Stream stream) noexcept { cudaStreamDestroy(stream); }

void* allocate(Stream stream, std::size_t bytes) {
  refuse_while_capturing(stream, "cudaMalloc");
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
  refuse_while_capturing(stream, "a copy to the device");
  if (bytes == 0) return;
  check(cudaMemcpyAsync(target, source, bytes, cudaMemcpyHostToDevice, stream), "cudaMemcpyAsync to the device");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize after a copy to the device");
}

void copy_to_host(Stream stream, void* target, const void* source, std::size_t bytes) {
  refuse_while_capturing(stream, "a copy to the host");
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

void synchronize(Stream stream) {
  refuse_while_capturing(stream, "cudaStreamSynchronize");
  check(cudaStreamSynchronize(stream), "cudaStreamSynchronize");
}

// Calls of other threads are none of this capture's business: every Context belongs to one thread.
void begin_capture(Stream stream) {
  refuse_while_capturing(stream, "cudaStreamBeginCapture");
  check(cudaStreamBeginCapture(stream, cudaStreamCaptureModeThreadLocal), "cudaStreamBeginCapture");
}

Graph end_capture(Stream stream) {
  cudaGraph_t graph = nullptr;
  check(cudaStreamEndCapture(stream, &graph), "cudaStreamEndCapture");
  cudaGraphExec_t executable = nullptr;
  std::size_t nodes = 0;
  cudaError_t status = cudaGraphGetNodes(graph, nullptr, &nodes);
  if (status == cudaSuccess) status = cudaGraphInstantiate(&executable, graph, 0);
  cudaGraphDestroy(graph);
  check(status, "cudaGraphInstantiate");
  return {stream, executable, nodes};
}

void abandon_capture(Stream stream) noexcept {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  if (cudaStreamIsCapturing(stream, &status) == cudaSuccess && status != cudaStreamCaptureStatusNone) {
    cudaGraph_t graph = nullptr;
    cudaStreamEndCapture(stream, &graph);
    if (graph != nullptr) cudaGraphDestroy(graph);
  }
  cudaGetLastError();
}

bool is_capturing(Stream stream) {
  cudaStreamCaptureStatus status = cudaStreamCaptureStatusNone;
  check(cudaStreamIsCapturing(stream, &status), "cudaStreamIsCapturing");
  return status != cudaStreamCaptureStatusNone;
}

Graph::~Graph() {
  if (recording_ == nullptr) return;
  cudaStreamSynchronize(stream_);
  cudaGraphExecDestroy(recording_);
}

void Graph::replay() const {
  check(cudaGraphLaunch(recording_, stream_), "cudaGraphLaunch");
  if (synchronise_each_launch()) check(cudaStreamSynchronize(stream_), "a replayed graph");
}

void Graph::swap(Graph& other) noexcept {
  std::swap(stream_, other.stream_);
  std::swap(recording_, other.recording_);
  std::swap(nodes_, other.nodes_);
}

// Declared in launch.h for kernels.
void prepare_launch(const void* kernel, std::size_t shared_bytes) {
  check(cudaFuncSetAttribute(kernel, cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(shared_bytes)),
        cat("shared memory of ", kernel_name(kernel)).c_str());
}

void check_launch(const void* kernel, Stream stream) {
  cudaError_t status = cudaPeekAtLastError();
  if (status == cudaSuccess && synchronise_each_launch() && !is_capturing(stream)) status = cudaStreamSynchronize(stream);
  if (status != cudaSuccess) check(status, kernel_name(kernel).c_str());
}

}  // namespace pliant::gpu
