// The table of operations. One entry drives the gradient check (double, CPU), the comparison of the fast CPU version and of the
// kernels (in three thread orders) with the double version, forward and backward (layers/op_cases/check.h), and timing
// (train/bench/timed_ops.h). An application that brings an operation of its own writes an OpCase for it, and has it checked and timed alike.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/tape.h"

namespace pliant {

// What timing has to know beyond the sizes of inputs and output; checks do not read it.
struct Work {
  double flops = 0.0;        // of the forward pass, a multiplication and an addition are two; backward costs twice as much. 0: memory is the limit
  std::int64_t reread = 0;   // values that the forward pass has to read or write beyond inputs and output, each once
  std::int64_t kept = 0;     // values that the backward pass has to read beyond dy, and to write beyond the gradients
};

// A differentiable operation: inputs are random, the output is projected on random numbers.
struct OpCase {
  std::string name;  // "conv2d: 3x3 stride 2, 5 channels to 7"
  std::vector<Shape> inputs;
  // Called with leaves in f64, f32, bf16 or f16, on any context, and behind them the constants.
  std::function<Var(const std::vector<Var>&)> apply;
  double low = -1.0, high = 1.0;  // range of the random inputs
  double avoid = 0.0;             // keeps inputs this far from 0 (kinks)
  double gradient_tolerance = 1e-6;
  double tolerance = 1e-5;        // float against double, relative to the largest value
  std::vector<std::size_t> masters{};  // inputs that stay f32 beside 16 bits: biases, scales, factors
  // bf16 and f16 against double on the same rounded inputs: how many roundings of the largest value may add up (values.h, roundoff).
  // 0: it never meets 16 bits.
  double roundings = 2.0;
  // Labels, indices, running statistics: what apply needs beside the inputs, without a gradient. dtype is that of the inputs.
  std::function<std::vector<Tensor>(Context& context, DType dtype)> constants{};
  Work work{};
};

// A kernel with its tensors. run() may be called again and again, which timing does; checks compare the outputs after one call.
struct PreparedKernel {
  std::vector<Tensor> outputs;
  std::function<void()> run;
  double bytes = 0.0;             // what a call has to read and write at least, each tensor once per pass of the formula; 0: not known
  double flops = 0.0;             // as in Work
};

// An operation without a gradient, or one whose gradient is tested elsewhere: outputs are compared between backends.
struct KernelCase {
  std::string name;
  // dtype is f64 (the specification on the CPU), f32, bf16 or f16.
  std::function<PreparedKernel(Context& context, DType dtype)> prepare;
  double tolerance = 1e-5;        // 0: equal
  double roundings = 0.0;         // as above, the rounding of the inputs included
};

std::vector<OpCase> op_cases();          // every family of the library, layers/op_cases/<family>.cpp
std::vector<KernelCase> kernel_cases();

// An operation at any size: the cases of the table are small, so that checks are quick, these are worth timing.
using Sizes = std::vector<std::int64_t>;
struct OpFamily {
  std::string name;           // "conv2d 3x3"
  std::string form;           // what the sizes are, "NxHxWxC[xK]"; those in brackets may be left out
  std::vector<Sizes> sizes;   // larger than most caches
  // One of the two. The number of sizes fits the form and each is at least 1; throws an Error where they do not fit together.
  std::function<OpCase(const Sizes&)> op;
  std::function<KernelCase(const Sizes&)> kernel{};
};
std::vector<OpFamily> op_families();

}  // namespace pliant
