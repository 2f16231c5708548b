#include "kernels/gpu/stream_timer.h"

#include <cuda_runtime.h>

#include <algorithm>
#include <limits>

#include "core/check.h"

namespace pliant::kernels::gpu {

namespace {

constexpr int kRounds = 3, kCalls = 4;

void check(cudaError_t status, const char* call) {
  if (status == cudaSuccess) return;
  cudaGetLastError();  // a failed call must not be reported again by the next launch
  throw DeviceError(cat(call, ": ", cudaGetErrorString(status), " (", cudaGetErrorName(status), ")"));
}

class Event {
 public:
  Event() { check(cudaEventCreate(&raw_), "cudaEventCreate"); }
  ~Event() { cudaEventDestroy(raw_); }
  Event(const Event&) = delete;
  Event& operator=(const Event&) = delete;
  void record(cudaStream_t stream) { check(cudaEventRecord(raw_, stream), "cudaEventRecord"); }
  // Waits for this event.
  double microseconds_since(const Event& earlier) {
    float milliseconds = 0.0f;
    check(cudaEventSynchronize(raw_), "cudaEventSynchronize");
    check(cudaEventElapsedTime(&milliseconds, earlier.raw_, raw_), "cudaEventElapsedTime");
    return 1e3 * static_cast<double>(milliseconds);
  }

 private:
  cudaEvent_t raw_ = nullptr;
};

}  // namespace

double microseconds(pliant::gpu::Stream stream, const std::function<void()>& work) {
  work();
  Event begin, end;
  double least = std::numeric_limits<double>::infinity();
  for (int round = 0; round < kRounds; ++round) {
    begin.record(stream);
    for (int call = 0; call < kCalls; ++call) work();
    end.record(stream);
    least = std::min(least, end.microseconds_since(begin) / kCalls);
  }
  return least;
}

}  // namespace pliant::kernels::gpu
