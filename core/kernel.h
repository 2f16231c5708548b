// One operation, its two bodies. PLIANT_KERNEL(name, (parameters)) in a header of kernels/ declares kernels::cpu::name,
// kernels::gpu::name and the callable kernels::name, which checks that all tensors share one Context and calls the body of
// that Context's backend. Both bodies must exist: a forgotten one is a link error.
#pragma once

#include <span>
#include <type_traits>
#include <vector>

#include "core/tensor.h"

namespace pliant {

namespace detail {

void require_context(const char* kernel, const Context*& context, const Tensor& tensor);
void report_finite(const char* kernel, const Tensor& tensor);
void trace_tensor(const char* kernel, const Tensor& tensor);

// Calls f for each tensor in an argument: a Tensor, a list of them, or nothing for every other type.
template <class A, class F>
void for_tensors(const A& argument, F&& f) {
  if constexpr (std::is_same_v<A, Tensor>) {
    if (argument) f(argument);
  } else if constexpr (std::is_same_v<A, std::vector<Tensor>> || std::is_same_v<A, std::span<const Tensor>>) {
    for (const Tensor& tensor : argument) {
      if (tensor) f(tensor);
    }
  }
}

}  // namespace detail

template <class Signature>
class Kernel;

template <class... Args>
class Kernel<void(Args...)> {
 public:
  using Function = void (*)(Args...);
  constexpr Kernel(const char* kernel_name, Function on_cpu, Function on_gpu) : name(kernel_name), cpu(on_cpu), gpu(on_gpu) {}

  void operator()(Args... args) const {
    const Context* context = nullptr;
    (detail::for_tensors(args, [&](const Tensor& tensor) { detail::require_context(name, context, tensor); }), ...);
    PLIANT_REQUIRE(ShapeError, context, name, ": called without any tensor");
    if (context->options().trace) {
      (detail::for_tensors(args, [&](const Tensor& tensor) { detail::trace_tensor(name, tensor); }), ...);
    }
    (context->backend() == Backend::cpu ? cpu : gpu)(args...);
    if (context->options().check_finite) (check_output<Args>(args), ...);
  }

  const char* name;
  Function cpu, gpu;  // public, so that tests and benchmarks can name one

 private:
  template <class Declared>
  void check_output(const std::remove_reference_t<Declared>& argument) const {
    if constexpr (std::is_same_v<Declared, Tensor&>) {
      if (argument) detail::report_finite(name, argument);
    }
  }
};

}  // namespace pliant

#define PLIANT_KERNEL(name, parameters) \
  namespace cpu {                       \
  void name parameters;                 \
  }                                     \
  namespace gpu {                       \
  void name parameters;                 \
  }                                     \
  inline constexpr ::pliant::Kernel<void parameters> name { #name, &cpu::name, &gpu::name }
