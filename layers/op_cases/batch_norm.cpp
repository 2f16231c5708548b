#include "kernels/batch_norm.h"
#include "kernels/conv2d_normed.h"

#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

// Running mean and variance.
std::vector<Tensor> running_statistics(Context& context, std::int64_t c, DType dtype) {
  return {random_tensor(context, {c}, accumulation_dtype(dtype), 51), random_tensor(context, {c}, accumulation_dtype(dtype), 52, 0.5, 2.0)};
}

BatchNormCase one_case(bool train, const Shape& shape, Activation f, bool residual, double epsilon = 1e-3) {
  const std::int64_t c = shape[-1];
  OpCase op{
      cat("batch norm ", train ? "train" : "infer", ": ", shape, " ", name_of(f), residual ? " after a residual" : ""),
      {shape, {c}, {c}},
      [train, f, residual, epsilon](const std::vector<Var>& in) {
        const std::size_t at = residual ? 4 : 3;  // of the constants
        const BatchNormState state{in[at].value, in[at + 1].value, 0.3, epsilon};
        return (train ? batch_norm_train : batch_norm_infer)(in[0], in[1], in[2], state, f, residual ? in[3] : Var{});
      }};
  if (residual) op.inputs.push_back(shape);
  op.masters = {1, 2};
  op.constants = [c](Context& context, DType dtype) { return running_statistics(context, c, dtype); };
  // Training reads x for the moments and again. Its backward reads dy, x and y (relu) for the sums and again for dx; behind a residual and
  // relu the second time dresidual and x.
  const std::int64_t size = shape.size(), relu = f == Activation::relu ? 1 : 0;
  op.work.reread = train ? size : 0;
  op.work.kept = size * (!train ? 1 + relu : residual && relu ? 4 : 3 + 2 * relu);
  return {op, f, epsilon};
}

// With a convolution in front. A result near the kink of relu may round to its other side in 16 bits, which no tolerance covers.
OpCase convolved_case(const std::string& name, const Shape& x, const Shape& w, const Conv2dGeometry& geometry, Activation f, bool residual) {
  const std::int64_t k = w[0];
  OpCase op{cat("conv2d, batch norm train: ", name, ", ", name_of(f), residual ? " after a residual" : ""),
            {x, w, {k}, {k}},
            [geometry, f, residual](const std::vector<Var>& in) {
              const std::size_t at = residual ? 5 : 4;  // of the constants
              const BatchNormState state{in[at].value, in[at + 1].value, 0.3, 1e-3};
              return conv2d_batch_norm_train(in[0], in[1], geometry, in[2], in[3], state, f, residual ? in[4] : Var{});
            }};
  if (residual) op.inputs.push_back(conv2d_output_shape(x, w, geometry));
  op.masters = {2, 3};
  op.constants = [k](Context& context, DType dtype) { return running_statistics(context, k, dtype); };
  op.roundings = f == Activation::relu ? 0.0 : 4.0;
  // z is written and read; back, beside what the normalisation reads, its gradient is written and read twice.
  const std::int64_t size = conv2d_output_shape(x, w, geometry).size(), relu = f == Activation::relu ? 1 : 0;
  op.work = {.flops = 2.0 * static_cast<double>(size * w.size() / k), .reread = 2 * size, .kept = size * (6 + 2 * relu)};
  return op;
}

// A link of a chain: the moments of a convolution, which normalises what it reads where `normed`.
KernelCase link_case(const std::string& name, const Shape& x_shape, const Shape& w_shape, const Conv2dGeometry& geometry, bool normed) {
  KernelCase one{cat("conv2d_normed: ", name, normed ? ", normalised" : ""), [=](Context& context, DType dtype) -> PreparedKernel {
                   const DType wide = accumulation_dtype(dtype);
                   const std::int64_t c = x_shape[-1], k = w_shape[0];
                   const Tensor x = coarse_tensor(context, x_shape, dtype, 71), w = coarse_tensor(context, w_shape, dtype, 72);
                   Tensor mean, variance, scale, shift;
                   if (normed) {
                     mean = random_tensor(context, {c}, wide, 73), variance = random_tensor(context, {c}, wide, 74, 0.5, 2.0);
                     scale = random_tensor(context, {c}, wide, 75), shift = random_tensor(context, {c}, wide, 76);
                   }
                   Tensor z(context, conv2d_output_shape(x_shape, w_shape, geometry), dtype), z_mean(context, {k}, wide), z_variance = Tensor::like(z_mean);
                   return {{z, z_mean, z_variance},
                           [=]() mutable { kernels::conv2d_normed(x, mean, variance, scale, shift, 1e-3, w, geometry, z, z_mean, z_variance); },
                           bytes_of({x, w, z}),
                           2.0 * static_cast<double>(z.size() * w_shape.size() / k)};
                 }};
  one.roundings = 4.0;
  return one;
}

// Forward and backward, with enough rows for several blocks of the kernels in every layout of channels.
PreparedKernel train_and_back(Context& context, DType dtype, std::int64_t rows, std::int64_t c, Activation f) {
  const DType wide = accumulation_dtype(dtype);
  const Tensor x = coarse_tensor(context, {rows, c}, dtype, 61), dy = coarse_tensor(context, {rows, c}, dtype, 62);
  const Tensor scale = random_tensor(context, {c}, wide, 63), shift = random_tensor(context, {c}, wide, 64);
  const std::vector<Tensor> running = running_statistics(context, c, dtype);
  Tensor running_mean = running[0], running_variance = running[1];
  Tensor mean = Tensor::like(scale), inverse = Tensor::like(scale), y = Tensor::like(x), dx = Tensor::like(x),
         dresidual;
  if (f != Activation::identity) dresidual = Tensor::like(x);
  Tensor dscale = random_tensor(context, {c}, wide, 65), dshift = random_tensor(context, {c}, wide, 66);
  std::vector<Tensor> all{y, mean, inverse, running_mean, running_variance, dx, dscale, dshift};
  if (dresidual) all.push_back(dresidual);
  return {all, [=]() mutable {
            kernels::batch_norm_train(x, scale, shift, {}, f, 0.3, 1e-3, running_mean, running_variance, mean, inverse, y);
            kernels::batch_norm_backward(dy, x, y, scale, mean, inverse, f, dx, dscale, dshift, dresidual);
          }};
}

std::vector<BatchNormCase> batch_norms_in(bool train) {
  std::vector<BatchNormCase> cases;
  for (const std::int64_t c : {1, 3, 17, 33, 64}) {
    cases.push_back(one_case(train, {2, 1, 3, c}, Activation::identity, false));
    cases.push_back(one_case(train, {1, 3, 2, c}, Activation::relu, false));
    cases.push_back(one_case(train, {5, c}, Activation::relu, true));
  }
  cases.push_back(one_case(train, {3, 4}, Activation::identity, true));
  // Two values normalise to almost +-1 whatever they are: a large epsilon leaves a gradient to compare.
  cases.push_back(one_case(train, {2, 12}, Activation::relu, true, 0.5));
  return cases;
}

}  // namespace

std::vector<BatchNormCase> batch_norms_in_training() { return batch_norms_in(true); }

std::vector<OpCase> batch_norm_cases() {
  std::vector<OpCase> cases;
  for (const bool train : {true, false}) {
    for (const BatchNormCase& one : batch_norms_in(train)) cases.push_back(one.op);
  }
  cases.push_back(one_case(false, {1, 7}, Activation::relu, true).op);
  cases.push_back(convolved_case("3x3, 3 to 5", {2, 5, 4, 3}, {5, 3, 3, 3}, {1, 1, 1, 1}, Activation::relu, true));
  cases.push_back(convolved_case("1x1 stride 2, 8 to 16", {3, 5, 5, 8}, {16, 1, 1, 8}, {2, 0, 1, 1}, Activation::identity, false));
  cases.push_back(convolved_case("groups 2, 6 to 4", {2, 4, 5, 6}, {4, 3, 3, 3}, {1, 1, 1, 2}, Activation::identity, true));
  cases.push_back(convolved_case("depthwise, 5 channels", {2, 5, 4, 5}, {5, 3, 3, 1}, {1, 1, 1, 5}, Activation::relu, false));
  return cases;
}

std::vector<KernelCase> batch_norm_kernel_cases() {
  std::vector<KernelCase> cases;
  const std::pair<std::int64_t, std::int64_t> sizes[] = {{601, 4}, {257, 1}, {130, 33}, {67, 68}};
  for (const auto& [rows, c] : sizes) {
    for (const Activation f : {Activation::identity, Activation::relu}) {
      cases.push_back({cat("batch norm: ", rows, " rows of ", c, " channels, ", name_of(f)),
                       [rows = rows, c = c, f](Context& context, DType dtype) {
                         return train_and_back(context, dtype, rows, c, f);
                       }});
      cases.back().roundings = 2.0;
    }
  }
  for (const bool normed : {false, true}) {
    cases.push_back(link_case("3x3, 3 to 5", {2, 5, 4, 3}, {5, 3, 3, 3}, {1, 1, 1, 1}, normed));
    cases.push_back(link_case("3x3 stride 2, 8 to 16", {3, 7, 6, 8}, {16, 3, 3, 8}, {2, 1, 1, 1}, normed));
    cases.push_back(link_case("1x1, 33 to 8", {1, 4, 5, 33}, {8, 1, 1, 33}, {1, 0, 1, 1}, normed));
    cases.push_back(link_case("depthwise, 5 channels", {2, 5, 4, 5}, {5, 3, 3, 1}, {1, 1, 1, 5}, normed));
  }
  return cases;
}

std::vector<OpFamily> batch_norm_families() {
  const auto family = [](const char* name, bool train, Activation f, bool residual) {
    return OpFamily{name, "NxHxWxC", {{128, 32, 32, 64}}, [=](const Sizes& sizes) { return one_case(train, shape_of(sizes), f, residual).op; }};
  };
  const auto convolved = [](const Sizes& s) {
    const std::int64_t k = s.size() > 4 ? s[4] : s[3];
    return convolved_case(cat("3x3, ", Shape{s[0], s[1], s[2], s[3]}, " to ", k), {s[0], s[1], s[2], s[3]}, {k, 3, 3, s[3]}, {1, 1, 1, 1},
                          Activation::relu, false);
  };
  return {{"batch norm train, relu, behind 3x3", "NxHxWxC[xK]", {{128, 32, 32, 16}, {128, 32, 32, 64}}, convolved},
          family("batch norm train", true, Activation::identity, false), family("batch norm train, relu", true, Activation::relu, false),
          family("batch norm train, residual, relu", true, Activation::relu, true),
          family("batch norm infer, relu", false, Activation::relu, false)};
}

}  // namespace pliant
