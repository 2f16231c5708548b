// One function per family; op_cases.cpp joins them.
#pragma once

#include "tests/support/op_case.h"

namespace pliant::test {

std::vector<OpCase> elementwise_cases();
std::vector<OpCase> training_cases();
std::vector<OpCase> loss_cases();
std::vector<OpCase> channels_cases();
std::vector<OpCase> batch_norm_cases();
std::vector<OpCase> pool_cases();
std::vector<OpCase> local_response_norm_cases();
std::vector<OpCase> convolution_cases();
std::vector<OpCase> linear_cases();

std::vector<KernelCase> memory_kernel_cases();
std::vector<KernelCase> training_kernel_cases();
std::vector<KernelCase> loss_kernel_cases();
std::vector<KernelCase> channels_kernel_cases();
std::vector<KernelCase> batch_norm_kernel_cases();
std::vector<KernelCase> exits_kernel_cases();

}  // namespace pliant::test
