#include "core/memory_ops.h"
#include "kernels/elementwise.h"
#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

OpCase activation_case(std::string name, Shape shape, Activation f) {
  OpCase one{std::move(name), {shape}, [f](const std::vector<Var>& x) { return activation(x[0], f); }};
  const double range = f == Activation::tanh ? 3.0 : 9.0;  // further out float knows 1 - y^2 to no digit
  one.low = -range, one.high = range, one.avoid = 1e-3;
  // The smooth ones differentiate by way of y: far out, where one value may lie, a rounded y does not know the slope.
  const bool smooth = f == Activation::sigmoid || f == Activation::tanh;
  one.roundings = !smooth ? 1.0 : shape.size() == 1 ? 0.0 : 4.0;
  return one;
}

OpCase scale_by_case(std::string name, Shape shape) {
  OpCase one{std::move(name), {shape, {1}}, [](const std::vector<Var>& x) { return scale_by(x[0], x[1]); }};
  one.tolerance = 2e-5;
  one.masters = {1};
  return one;
}

}  // namespace

std::vector<OpCase> elementwise_cases() {
  std::vector<OpCase> cases;
  for (const Activation f : {Activation::relu, Activation::relu6, Activation::sigmoid, Activation::tanh}) {
    for (const std::int64_t size : {1, 257}) cases.push_back(activation_case(cat(name_of(f), ": ", size, " values"), {size}, f));
  }
  cases.push_back({"add: with a factor", {{3, 5, 7, 2}, {3, 5, 7, 2}}, [](const std::vector<Var>& x) { return add(x[0], x[1], 0.75); }});
  cases.push_back({"add: a value to itself", {{17}}, [](const std::vector<Var>& x) { return add(x[0], x[0]); }});
  cases.push_back({"scale: and reshape", {{4, 6}}, [](const std::vector<Var>& x) { return reshape(scale(x[0], -2.5), {2, 12}); }});
  for (const std::int64_t size : {1, 35, 4097, 9000}) cases.push_back(scale_by_case(cat("scale_by: a variable, ", size, " values"), {size}));
  return cases;
}

std::vector<KernelCase> memory_kernel_cases() {
  std::vector<KernelCase> cases;
  cases.push_back({"fill", [](Context& context, DType dtype) -> PreparedKernel {
                     Tensor y(context, {300}, dtype);
                     return {{y}, [=]() mutable { kernels::fill(y, 0.625); }};
                   }, 0.0});
  for (const DType to : {DType::f32, DType::bf16, DType::f16, DType::i32, DType::u8}) {
    cases.push_back({cat("cast: to ", to, " and back"), [to](Context& context, DType) -> PreparedKernel {
                       const Tensor x = random_tensor(context, {513}, DType::f32, 3, 0.0, 200.0);
                       Tensor narrow(context, x.shape(), to), back(context, x.shape(), DType::f32);
                       return {{narrow, back}, [=]() mutable {
                                 kernels::cast(x, narrow);
                                 kernels::cast(narrow, back);
                               }};
                     }, 0.0});
  }
  cases.push_back({"choose: by a mask, in place too", [](Context& context, DType dtype) -> PreparedKernel {
                     std::vector<double> mask(300);
                     for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = i % 3 == 0 ? 1.0 : 0.0;
                     const Tensor pick = make_tensor(context, {300}, dtype, mask), a = random_tensor(context, {300}, dtype, 7);
                     Tensor y = Tensor::like(a), b = random_tensor(context, {300}, dtype, 8);
                     return {{y, b}, [=]() mutable {
                               kernels::choose(pick, a, b, y);
                               kernels::choose(pick, a, b, b);
                             }};
                   }, 0.0});
  cases.push_back({"accumulate", [](Context& context, DType dtype) -> PreparedKernel {
                     const Tensor x = random_tensor(context, {300}, dtype, 5);
                     Tensor y = random_tensor(context, {300}, dtype, 6);
                     return {{y}, [=]() mutable { kernels::accumulate(x, y); }};
                   }});
  return cases;
}

std::vector<OpFamily> elementwise_families() {
  const std::vector<Sizes> maps = {{128, 32, 32, 64}};
  std::vector<OpFamily> families;
  for (const Activation f : {Activation::relu, Activation::sigmoid}) {
    families.push_back({name_of(f), "NxHxWxC", maps, [f](const Sizes& sizes) {
                          OpCase one = activation_case(cat(name_of(f), " of ", shape_of(sizes)), shape_of(sizes), f);
                          one.work.kept = shape_of(sizes).size();  // y
                          return one;
                        }});
  }
  families.push_back({"add", "NxHxWxC", maps, [](const Sizes& sizes) {
                        const Shape shape = shape_of(sizes);
                        return OpCase{cat("add of ", shape), {shape, shape}, [](const std::vector<Var>& x) { return add(x[0], x[1]); }};
                      }});
  families.push_back({"scale_by", "NxHxWxC", maps, [](const Sizes& sizes) {
                        OpCase one = scale_by_case(cat("scale_by of ", shape_of(sizes)), shape_of(sizes));
                        one.work.kept = 2 * shape_of(sizes).size();  // x, and dy once more
                        return one;
                      }});
  return families;
}

}  // namespace pliant
