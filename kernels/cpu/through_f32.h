// Tensors of bf16 and f16 on the CPU, for operations that have loops for float and double alone: inputs are widened, the same body
// runs in float, outputs are rounded to nearest even. That is what the GPU's kernels do value by value, so both give the same
// up to the order of sums. Operations that most of the time goes to have loops over the storage type instead (dispatch_cpu_storage).
#pragma once

#include <tuple>
#include <utility>
#include <vector>

#include "core/tensor.h"

namespace pliant::kernels::cpu {

// x in f32 where it is 16 bits wide, else x itself (no tensor stays none).
Tensor in_f32(const Tensor& x);
// y = wide, rounded to the 16-bit type of y.
void round_into(const Tensor& wide, Tensor& y);

// An argument of a body as the body shall see it. P is the type of the parameter.
template <class P>
class WidenedArgument {
 public:
  explicit WidenedArgument(P value) : value_(value) {}
  P get() { return value_; }
  void put_back() {}

 private:
  P value_;
};

template <>
class WidenedArgument<const Tensor&> {
 public:
  explicit WidenedArgument(const Tensor& x) : wide_(in_f32(x)) {}
  const Tensor& get() { return wide_; }
  void put_back() {}

 private:
  Tensor wide_;
};

// Written by the body, in every element.
template <>
class WidenedArgument<Tensor&> {
 public:
  explicit WidenedArgument(Tensor& y)
      : y_(y), rounded_(y && is_16_bit(y.dtype())), wide_(rounded_ ? Tensor(y.context(), y.shape(), DType::f32) : y) {}
  Tensor& get() { return wide_; }
  void put_back() {
    if (rounded_) round_into(wide_, y_);
  }

 private:
  Tensor& y_;
  bool rounded_;
  Tensor wide_;
};

// Calls body(arguments...) with every 16-bit tensor in f32. Used by a body on itself, once its checks are through:
//   if (is_16_bit(x.dtype())) return through_f32(max_pool_forward, x, geometry, y, chosen);
template <class... Parameters, class... Arguments>
void through_f32(void (*body)(Parameters...), Arguments&&... arguments) {
  std::tuple<WidenedArgument<Parameters>...> wide(WidenedArgument<Parameters>(std::forward<Arguments>(arguments))...);
  std::apply(
      [&](auto&... one) {
        body(one.get()...);
        (one.put_back(), ...);
      },
      wide);
}

}  // namespace pliant::kernels::cpu
