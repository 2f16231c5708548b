// The convolutions of the nets, as the library that computes them sees them.
#pragma once

#include <string>
#include <vector>

#include "kernels/gpu/cudnn_graph.h"

namespace pliant::test {

struct NetConvolution {
  std::string name;  // "resnet20: layer2.0.conv1", of the first net that has these sizes
  kernels::Conv2dSizes sizes;
};

// Every convolution of the named nets as their default descriptions build them, each size once. Depthwise convolutions and crosses
// are not among them: kernels of ours compute these.
std::vector<NetConvolution> net_convolutions(const std::vector<std::string>& nets, int batch);

// A problem whose tensors lie at multiples of 16 bytes.
kernels::gpu::ConvolutionProblem problem_of(const kernels::Conv2dSizes& sizes, kernels::gpu::ConvolutionDirection direction, DType dtype,
                                            bool has_bias = false);

const std::vector<kernels::gpu::ConvolutionDirection>& all_directions();

}  // namespace pliant::test
