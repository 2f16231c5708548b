// What tests compare with: the numbers and differences of the table of operations, and equality of bits.
#pragma once

#include "layers/op_cases/values.h"

namespace pliant::test {

bool bit_equal(const Tensor& a, const Tensor& b);  // same shape, dtype and bytes

}  // namespace pliant::test
