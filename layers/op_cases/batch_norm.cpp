#include "kernels/batch_norm.h"

#include "layers/functional.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

BatchNormState state_like(const Tensor& scale, double epsilon) {
  BatchNormState state;
  state.running_mean = random_tensor(scale.context(), scale.shape(), scale.dtype(), 51);
  state.running_variance = random_tensor(scale.context(), scale.shape(), scale.dtype(), 52, 0.5, 2.0);
  state.momentum = 0.3, state.epsilon = epsilon;
  return state;
}

BatchNormCase one_case(bool train, const Shape& shape, Activation f, bool residual, double epsilon = 1e-3) {
  const std::int64_t c = shape[-1];
  OpCase op{
      cat("batch norm ", train ? "train" : "infer", ": ", shape, " ", name_of(f), residual ? " after a residual" : ""),
      {shape, {c}, {c}},
      [train, f, epsilon](const std::vector<Var>& in) {
        const Var added = in.size() > 3 ? in[3] : Var{};
        return (train ? batch_norm_train : batch_norm_infer)(in[0], in[1], in[2], state_like(in[1].value, epsilon), f,
                                                             added);
      }};
  if (residual) op.inputs.push_back(shape);
  op.masters = {1, 2};
  return {op, f, epsilon};
}

// Enough rows for several blocks of the kernels in every layout of channels.
std::vector<Tensor> train_and_back(Context& context, DType dtype, std::int64_t rows, std::int64_t c, Activation f) {
  const DType wide = accumulation_dtype(dtype);
  const Tensor x = coarse_tensor(context, {rows, c}, dtype, 61), dy = coarse_tensor(context, {rows, c}, dtype, 62);
  const Tensor scale = random_tensor(context, {c}, wide, 63), shift = random_tensor(context, {c}, wide, 64);
  BatchNormState state = state_like(scale, 1e-3);
  Tensor mean = Tensor::like(scale), inverse = Tensor::like(scale), y = Tensor::like(x), dx = Tensor::like(x),
         dresidual;
  if (f != Activation::identity) dresidual = Tensor::like(x);
  Tensor dscale = random_tensor(context, {c}, wide, 65), dshift = random_tensor(context, {c}, wide, 66);
  kernels::batch_norm_train(x, scale, shift, {}, f, state.momentum, state.epsilon, state.running_mean,
                            state.running_variance, mean, inverse, y);
  kernels::batch_norm_backward(dy, x, y, scale, mean, inverse, f, dx, dscale, dshift, dresidual);
  std::vector<Tensor> all{y, mean, inverse, state.running_mean, state.running_variance, dx, dscale, dshift};
  if (dresidual) all.push_back(dresidual);
  return all;
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
  return cases;
}

}  // namespace pliant
