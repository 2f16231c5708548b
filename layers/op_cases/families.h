// One function per family; op_cases.cpp joins them.
#pragma once

#include "kernels/batch_norm.h"
#include "kernels/conv2d.h"
#include "layers/op_cases/op_case.h"

namespace pliant {

Shape shape_of(const Sizes& sizes);  // ShapeError for more than four
// What passes over these tensors, each as often as it is named, read and write together.
double bytes_of(const std::vector<Tensor>& tensors);

std::vector<OpCase> elementwise_cases();
std::vector<OpCase> training_cases();
std::vector<OpCase> loss_cases();
std::vector<OpCase> channels_cases();
std::vector<OpCase> batch_norm_cases();
std::vector<OpCase> pool_cases();
std::vector<OpCase> local_response_norm_cases();
std::vector<OpCase> convolution_cases();
std::vector<OpCase> linear_cases();

// What a family's cases consist of, for tests that run another body of the same operation on the same inputs.
struct ConvolutionCase {
  OpCase op;
  Conv2dGeometry geometry;  // depthwise where the name begins with that word
};
std::vector<ConvolutionCase> convolutions();  // dense, grouped and depthwise
struct BatchNormCase {
  OpCase op;
  Activation f;
  double epsilon;
};
std::vector<BatchNormCase> batch_norms_in_training();
std::vector<std::int64_t> sum_sizes();  // of accumulate_sum

std::vector<KernelCase> memory_kernel_cases();
std::vector<KernelCase> training_kernel_cases();
std::vector<KernelCase> loss_kernel_cases();
std::vector<KernelCase> channels_kernel_cases();
std::vector<KernelCase> batch_norm_kernel_cases();
std::vector<KernelCase> exits_kernel_cases();
std::vector<KernelCase> convolution_kernel_cases();

std::vector<OpFamily> elementwise_families();
std::vector<OpFamily> training_families();
std::vector<OpFamily> loss_families();
std::vector<OpFamily> channels_families();
std::vector<OpFamily> batch_norm_families();
std::vector<OpFamily> pool_families();
std::vector<OpFamily> convolution_families();  // and matrix products

}  // namespace pliant
