// One function per family; op_cases.cpp joins them.
#pragma once

#include "tests/support/op_case.h"

namespace pliant::test {

std::vector<OpCase> elementwise_cases();

std::vector<KernelCase> memory_kernel_cases();

}  // namespace pliant::test
