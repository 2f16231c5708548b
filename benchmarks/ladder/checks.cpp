#include "benchmarks/ladder/checks.h"

#include <cmath>

#include "layers/op_cases/check.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"

namespace pliant::ladder {

namespace {

constexpr double kTolerance = 1e-5;

Tensor unwritten(Context& context, const Shape& shape, DType dtype) {
  return make_tensor(context, shape, dtype, std::vector<double>(static_cast<std::size_t>(shape.size()), std::nan("")));
}

Comparison compared(const std::string& input, const Tensor& actual, const Tensor& expected, double tolerance) {
  const Difference distance = difference(actual, expected);
  return {input, distance.relative, tolerance, distance.where};
}

// Runs body(context, dtype), which returns all outputs, in double on the CPU and in float where the step runs.
template <class Body>
void compare(const std::string& input, Context& context, double tolerance, std::vector<Comparison>& all, Body&& body) {
  Context cpu(Device::cpu, {.threads = context.threads()});
  const std::vector<Tensor> expected = body(cpu, DType::f64), actual = body(context, DType::f32);
  for (std::size_t i = 0; i < expected.size(); ++i) all.push_back(compared(cat(input, ", output ", i), actual[i], expected[i], tolerance));
}

OpCase shapes(std::string name, std::vector<Shape> inputs) { return {std::move(name), std::move(inputs), nullptr}; }

void check_one(BatchNorm* run, Context& context, const OpCase& op, Activation f, double epsilon, std::vector<Comparison>& all) {
  compare(op.name, context, op.tolerance, all, [&](Context& where, DType dtype) {
    const std::vector<Tensor> in = inputs_of(where, dtype, op);
    const Shape channels = in[1].shape();
    Tensor running_mean = random_tensor(where, channels, dtype, 51), running_variance = random_tensor(where, channels, dtype, 52, 0.5, 2.0);
    Tensor mean = unwritten(where, channels, dtype), inverse = unwritten(where, channels, dtype), y = unwritten(where, in[0].shape(), dtype);
    (dtype == DType::f64 ? kernels::batch_norm_train.cpu : run)(in[0], in[1], in[2], in.size() > 3 ? in[3] : Tensor(), f, 0.3, epsilon,
                                                                running_mean, running_variance, mean, inverse, y);
    return std::vector<Tensor>{y, running_mean, running_variance, mean, inverse};
  });
}

// op.inputs: a [M, ...], b [N, ...], and perhaps a bias [N].
void check_one(Product* run, Context& context, const OpCase& op, std::vector<Comparison>& all) {
  compare(op.name, context, op.tolerance, all, [&](Context& where, DType dtype) {
    const std::vector<Tensor> in = inputs_of(where, dtype, op);
    const std::int64_t m = in[0].shape()[0], n = in[1].shape()[0], l = in[0].size() / m;
    Tensor c = unwritten(where, {m, n}, dtype);
    (dtype == DType::f64 ? kernels::matrix_product.cpu : run)(in[0].reshape({m, l}), in[1].reshape({n, l}), in.size() > 2 ? in[2] : Tensor(),
                                                              {.transpose_b = true}, c);
    return std::vector<Tensor>{c};
  });
}

void check_one(Convolution* run, Convolution* specification, Context& context, const ConvolutionCase& one, std::vector<Comparison>& all) {
  compare(one.op.name, context, one.op.tolerance, all, [&](Context& where, DType dtype) {
    const std::vector<Tensor> in = inputs_of(where, dtype, one.op);
    Tensor y = unwritten(where, conv2d_output_shape(in[0].shape(), in[1].shape(), one.geometry), dtype);
    (dtype == DType::f64 ? specification : run)(in[0], in[1], in.size() > 2 ? in[2] : Tensor(), one.geometry, y);
    return std::vector<Tensor>{y};
  });
}

bool depthwise(const ConvolutionCase& one) { return one.op.name.starts_with("depthwise"); }

}  // namespace

std::vector<Comparison> check_sum(Sum* run, Context& context) {
  std::vector<Comparison> all;
  std::vector<std::int64_t> sizes = sum_sizes();
  sizes.insert(sizes.end(), {256, 257, 1027, 66051});  // one level of a tree, two, a rest behind the fours, three
  for (const std::int64_t size : sizes) {
    compare(cat("sum of ", size, " values"), context, kTolerance, all, [&](Context& where, DType dtype) {
      const Tensor x = random_tensor(where, {size}, dtype, 25, 0.0, 1.0);
      Tensor y = random_tensor(where, {1}, dtype, 26);
      (dtype == DType::f64 ? kernels::accumulate_sum.cpu : run)(x, 0.25, y);
      return std::vector<Tensor>{y};
    });
  }
  return all;
}

std::vector<Comparison> check_batch_norm(BatchNorm* run, Context& context) {
  std::vector<Comparison> all;
  for (const BatchNormCase& one : batch_norms_in_training()) check_one(run, context, one.op, one.f, one.epsilon, all);
  const std::pair<std::int64_t, std::int64_t> sizes[] = {{601, 4}, {257, 1}, {130, 33}, {67, 68}};  // of the table of kernels
  for (const auto& [rows, c] : sizes) {
    check_one(run, context, shapes(cat("batch norm of ", rows, " rows of ", c), {{rows, c}, {c}, {c}, {rows, c}}), Activation::relu, 1e-3, all);
  }
  return all;
}

std::vector<Comparison> check_product(Product* run, Context& context) {
  std::vector<Comparison> all;
  for (const OpCase& op : linear_cases()) check_one(run, context, op, all);
  const std::int64_t sizes[][3] = {{64, 64, 16}, {65, 130, 20}, {129, 33, 36}, {128, 128, 7}};
  for (const auto& [m, n, l] : sizes) check_one(run, context, shapes(cat("product ", m, " x ", n, " x ", l), {{m, l}, {n, l}, {n}}), all);
  return all;
}

std::vector<Comparison> check_convolution(Convolution* run, Context& context) {
  std::vector<ConvolutionCase> cases = convolutions();
  std::erase_if(cases, [](const ConvolutionCase& one) { return one.geometry.groups > 1; });
  cases.push_back({shapes("3x3, 8 channels to 70, two slices of taps", {{1, 9, 10, 8}, {70, 3, 3, 8}, {70}}), {1, 1, 1, 1}});
  cases.push_back({shapes("3x3 stride 2, rows of 40 pixels", {{1, 3, 80, 4}, {5, 3, 3, 4}}), {2, 1, 1, 1}});
  cases.push_back({shapes("1x1, 132 pixels, 20 channels to 130", {{1, 12, 11, 20}, {130, 1, 1, 20}, {130}}), {1, 0, 1, 1}});
  std::vector<Comparison> all;
  for (const ConvolutionCase& one : cases) check_one(run, kernels::conv2d_forward.cpu, context, one, all);
  return all;
}

std::vector<Comparison> check_depthwise(Convolution* run, Context& context) {
  std::vector<ConvolutionCase> cases = convolutions();
  std::erase_if(cases, [](const ConvolutionCase& one) { return !depthwise(one); });
  cases.push_back({shapes("3x3, 8 channels, rows of 9 pixels", {{2, 7, 9, 8}, {8, 3, 3, 1}, {8}}), {1, 1, 1, 8}});
  cases.push_back({shapes("3x3 stride 2, 12 channels", {{1, 9, 8, 12}, {12, 3, 3, 1}}), {2, 1, 1, 12}});
  cases.push_back({shapes("3x3, 136 channels", {{1, 3, 5, 136}, {136, 3, 3, 1}, {136}}), {1, 0, 1, 136}});
  cases.push_back({shapes("5x5 dilation 2, 8 channels", {{1, 8, 7, 8}, {8, 5, 5, 1}, {8}}), {1, 4, 2, 8}});
  std::vector<Comparison> all;
  for (const ConvolutionCase& one : cases) check_one(run, kernels::depthwise_conv2d_forward.cpu, context, one, all);
  return all;
}

}  // namespace pliant::ladder
