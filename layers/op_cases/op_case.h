// The table of operations. One entry drives the gradient check (double, CPU), the comparison of the fast CPU version and of the
// kernels (in three thread orders) with the double version, forward and backward (layers/op_cases/check.h), and the benchmarks.
// An application that brings an operation of its own writes an OpCase for it, and has it checked in the same ways.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/tape.h"

namespace pliant {

// A differentiable operation: inputs are random, the output is projected on random numbers.
struct OpCase {
  std::string name;  // "conv2d: 3x3 stride 2, 5 channels to 7"
  std::vector<Shape> inputs;
  // Called with leaves in f64, f32, bf16 or f16, on any context; constants (labels, indices) are made here, in the context of the inputs.
  std::function<Var(const std::vector<Var>&)> apply;
  double low = -1.0, high = 1.0;  // range of the random inputs
  double avoid = 0.0;             // keeps inputs this far from 0 (kinks)
  double gradient_tolerance = 1e-6;
  double tolerance = 1e-5;        // float against double, relative to the largest value
  std::vector<std::size_t> masters{};  // inputs that stay f32 beside 16 bits: biases, scales, factors
  // bf16 and f16 against double on the same rounded inputs: how many roundings of the largest value may add up (values.h, roundoff).
  // 0: it never meets 16 bits.
  double roundings = 2.0;
};

// An operation without a gradient, or one whose gradient is tested elsewhere: outputs are compared between backends.
struct KernelCase {
  std::string name;
  // dtype is f64 (the specification on the CPU), f32, bf16 or f16. Returns every output.
  std::function<std::vector<Tensor>(Context& context, DType dtype)> run;
  double tolerance = 1e-5;        // 0: equal
  double roundings = 0.0;         // as above, the rounding of the inputs included
};

std::vector<OpCase> op_cases();          // every family of the library, layers/op_cases/<family>.cpp
std::vector<KernelCase> kernel_cases();

}  // namespace pliant
