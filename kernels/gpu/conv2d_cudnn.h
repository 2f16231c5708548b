// What tests and benchmarks may ask of the cuDNN convolutions. Only in builds with CUDA.
#pragma once

#include "core/context.h"
#include "kernels/conv2d_checks.h"

namespace pliant::kernels::gpu {

enum class ConvolutionDirection : int { forward, backward_data, backward_filter };

// Builds and finalises cuDNN's description of a convolution, which needs no GPU; DeviceError where cuDNN refuses it.
void cudnn_describe(const Conv2dSizes& sizes, ConvolutionDirection direction);

struct CudnnCounters {
  std::int64_t plans = 0;      // shapes and directions that cuDNN computes
  std::int64_t fallbacks = 0;  // those that the hand-written kernel computes
};
CudnnCounters cudnn_counters(Context& context);

}  // namespace pliant::kernels::gpu
