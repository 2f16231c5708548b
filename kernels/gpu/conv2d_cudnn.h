// What tests and benchmarks may ask of the cuDNN convolutions. Only in builds with CUDA.
#pragma once

#include "core/context.h"
#include "kernels/gpu/cudnn_graph.h"

namespace pliant::kernels::gpu {

struct CudnnCounters {
  std::int64_t plans = 0;      // problems that cuDNN computes
  std::int64_t fallbacks = 0;  // those that the hand-written kernel computes
};
CudnnCounters cudnn_counters(Context& context);

}  // namespace pliant::kernels::gpu
