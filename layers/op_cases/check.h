// Checks an operation without a test framework: the result is for the caller to assert or to print.
//   const CheckResult result = check_operation(my_case);
//   if (!result.right()) std::cerr << result.message << "\n";
// What an operation throws while it is checked becomes a wrong result whose message holds the error's.
#pragma once

#include "layers/op_cases/op_case.h"

namespace pliant {

// The worst of several comparisons: the one that is wrong, or nearest to it.
struct CheckResult {
  double error = 0.0;           // relative to the largest expected value; infinity for NaN, another shape, a missing gradient, an exception
  double limit = 0.0;
  std::string message;          // case, backend, dtype, which output or gradient, the worst element with both values, error and limit
  std::size_t comparisons = 0;  // how many were made; an operation of which nothing was compared is not right

  bool right() const { return comparisons > 0 && error <= limit; }
  void add(const CheckResult& other);
};

// Everything below: gradients in double, then the fast CPU version and the kernels in f32, and where the case meets 16 bits in bf16
// and f16, against the double version. Kernels run on all of gpu_contexts(), in 16 bits on the first and the last. Throws DeviceError
// where gpu_contexts() does.
CheckResult check_operation(const OpCase& op);
CheckResult check_operation(const KernelCase& one);

// backward() against central differences in double on the CPU. The distance is relative to the largest gradient of that input (at
// least 1e-3); the limit is gradient_tolerance.
CheckResult check_gradient(const OpCase& op);

// Forward value and gradients (or outputs) in dtype on the context, against the double version on the CPU on the same inputs, rounded to
// dtype. The limit is tolerance + roundings x roundoff(dtype). A case with roundings 0 is refused in 16 bits (ConfigError).
CheckResult check_against_double(const OpCase& op, Context& context, DType dtype);
CheckResult check_against_double(const KernelCase& one, Context& context, DType dtype);

// What a case computes: the forward value, and the gradients of all inputs for a projection on fixed random numbers.
struct Outcome {
  Tensor y;
  std::vector<Tensor> gradients;  // no tensor where the op does not depend on the input
};
// values: the type to which inputs and numbers are rounded before they become tensors of dtype (masters are not).
Outcome run_case(Context& context, DType dtype, const OpCase& op, DType values);
inline Outcome run_case(Context& context, DType dtype, const OpCase& op) { return run_case(context, dtype, op, dtype); }
std::vector<Tensor> inputs_of(Context& context, DType dtype, const OpCase& op);  // those that run_case gives it

}  // namespace pliant
