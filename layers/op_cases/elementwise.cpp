#include "core/memory_ops.h"
#include "kernels/elementwise.h"
#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases;
  for (const Activation f : {Activation::relu, Activation::relu6, Activation::sigmoid, Activation::tanh}) {
    for (const std::int64_t size : {std::int64_t{1}, std::int64_t{257}}) {
      OpCase one{cat(name_of(f), ": ", size, " values"), {{size}}, [f](const std::vector<Var>& x) { return activation(x[0], f); }};
      const double range = f == Activation::tanh ? 3.0 : 9.0;  // further out float knows 1 - y^2 to no digit
      one.low = -range, one.high = range, one.avoid = 1e-3;
      // The smooth ones differentiate by way of y: far out, where one value may lie, a rounded y does not know the slope.
      const bool smooth = f == Activation::sigmoid || f == Activation::tanh;
      one.roundings = !smooth ? 1.0 : size == 1 ? 0.0 : 4.0;
      cases.push_back(one);
    }
  }
  cases.push_back({"add: with a factor", {{3, 5, 7, 2}, {3, 5, 7, 2}}, [](const std::vector<Var>& x) { return add(x[0], x[1], 0.75); }});
  cases.push_back({"add: a value to itself", {{17}}, [](const std::vector<Var>& x) { return add(x[0], x[0]); }});
  cases.push_back({"scale: and reshape", {{4, 6}}, [](const std::vector<Var>& x) { return reshape(scale(x[0], -2.5), {2, 12}); }});
  for (const std::int64_t size : {1, 35, 4097, 9000}) {
    cases.push_back({cat("scale_by: a variable, ", size, " values"), {{size}, {1}}, [](const std::vector<Var>& x) { return scale_by(x[0], x[1]); }});
    cases.back().tolerance = 2e-5;
    cases.back().masters = {1};
  }
  return cases;
}

std::vector<KernelCase> memory_kernel_cases() {
  std::vector<KernelCase> cases;
  cases.push_back({"fill", [](Context& context, DType dtype) {
                     Tensor y(context, {300}, dtype);
                     kernels::fill(y, 0.625);
                     return std::vector<Tensor>{y};
                   }, 0.0});
  for (const DType to : {DType::f32, DType::bf16, DType::f16, DType::i32, DType::u8}) {
    cases.push_back({cat("cast: to ", to, " and back"), [to](Context& context, DType) {
                       const Tensor x = random_tensor(context, {513}, DType::f32, 3, 0.0, 200.0);
                       Tensor narrow(context, x.shape(), to), back(context, x.shape(), DType::f32);
                       kernels::cast(x, narrow);
                       kernels::cast(narrow, back);
                       return std::vector<Tensor>{narrow, back};
                     }, 0.0});
  }
  cases.push_back({"choose: by a mask, in place too", [](Context& context, DType dtype) {
                     std::vector<double> mask(300);
                     for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0 ? 1.0 : 0.0;
                     const Tensor pick = make_tensor(context, {300}, dtype, mask), a = random_tensor(context, {300}, dtype, 7);
                     Tensor y = Tensor::like(a), b = random_tensor(context, {300}, dtype, 8);
                     kernels::choose(pick, a, b, y);
                     kernels::choose(pick, a, b, b);
                     return std::vector<Tensor>{y, b};
                   }, 0.0});
  cases.push_back({"accumulate", [](Context& context, DType dtype) {
                     const Tensor x = random_tensor(context, {300}, dtype, 5);
                     Tensor y = random_tensor(context, {300}, dtype, 6);
                     kernels::accumulate(x, y);
                     return std::vector<Tensor>{y};
                   }});
  return cases;
}

}  // namespace pliant
