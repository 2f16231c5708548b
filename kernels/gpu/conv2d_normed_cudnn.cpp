// Convolutions with batch normalisation beside them, by cuDNN where it has a form of both and this was measured to be the faster one.
// Its engines that take sums know f16 alone up to now; bf16 is asked for, so that a later library may have it.
#include "kernels/batch_norm_checks.h"
#include "kernels/conv2d_checks.h"
#include "kernels/conv2d_normed_plain.h"
#include "kernels/gpu/batch_norm_sums.h"
#include "kernels/gpu/cudnn_convolutions.h"
#include "kernels/gpu/library_tensors.h"

namespace pliant::kernels::gpu {

namespace {

// Where nothing is timed nobody knows what is faster, and f32 needs statistics that do not cancel.
bool may_take_sums(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry) {
  return x.context().options().timed_plans && is_16_bit(x.dtype()) && !is_depthwise(x, w, geometry);
}

}  // namespace

void conv2d_batch_norm_train(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, const Tensor& scale, const Tensor& shift,
                             const Tensor& residual, Activation f, double momentum, double epsilon, Tensor& running_mean,
                             Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& z, Tensor& y) {
  constexpr const char* kOp = "conv2d_batch_norm_train";
  const auto plain = [&] {
    plain_conv2d_batch_norm_train(x, w, geometry, scale, shift, residual, f, momentum, epsilon, running_mean, running_variance, mean,
                                  inverse_deviation, z, y);
  };
  const Conv2dSizes sizes = check_conv2d(kOp, x, w, {}, z, geometry);
  if (sizes.n == 0 || !may_take_sums(x, w, geometry)) return plain();
  check_conv2d_batch_norm_train(x, residual, z, y);
  check_batch_norm_train(z, scale, shift, residual, f, momentum, epsilon, running_mean, running_variance, mean, inverse_deviation, y);
  Tensor sum(x.context(), {sizes.k}), sum_of_squares = Tensor::like(sum);
  CudnnConvolutions& cudnn = x.context().attachment<CudnnConvolutions>();
  const ConvolutionAddresses at{.x = readable(kOp, x), .w = readable(kOp, w), .y = writable(kOp, z),
                                .sum = writable(kOp, sum), .sum_of_squares = writable(kOp, sum_of_squares)};
  const auto run = [&](const ConvolutionPlan& plan, Tensor& average, Tensor& variance) {
    cudnn.execute(plan, at);
    if (plan.form.sums) {
      batch_norm_train_of_sums(z, sum, sum_of_squares, scale, shift, residual, f, momentum, epsilon, average, variance, mean, inverse_deviation, y);
    } else {
      batch_norm_train(z, scale, shift, residual, f, momentum, epsilon, average, variance, mean, inverse_deviation, y);
    }
  };
  Tensor trial_mean, trial_variance;  // a plan that is only timed must not touch the running statistics
  const auto trial = [&](const ConvolutionPlan& plan) {
    if (!trial_mean) trial_mean = running_mean.clone(), trial_variance = running_variance.clone();
    run(plan, trial_mean, trial_variance);
  };
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, ConvolutionDirection::forward, x.dtype(), at), trial);
  if (!plan) return plain();
  run(*plan, running_mean, running_variance);
}

void conv2d_normed(const Tensor& x, const Tensor& mean, const Tensor& variance, const Tensor& scale, const Tensor& shift, double epsilon,
                   const Tensor& w, const Conv2dGeometry& geometry, Tensor& z, Tensor& z_mean, Tensor& z_variance) {
  constexpr const char* kOp = "conv2d_normed";
  const auto plain = [&] { plain_conv2d_normed(x, mean, variance, scale, shift, epsilon, w, geometry, z, z_mean, z_variance); };
  const Conv2dSizes sizes = check_conv2d(kOp, x, w, {}, z, geometry);
  if (sizes.n == 0 || !may_take_sums(x, w, geometry)) return plain();
  check_conv2d_normed(x, mean, variance, scale, shift, epsilon, z);
  check_batch_moments(z, z_mean, z_variance);
  Tensor sum(x.context(), {sizes.k}), sum_of_squares = Tensor::like(sum), factor, offset;
  if (mean) factor = Tensor(x.context(), {sizes.c}, x.dtype()), offset = Tensor::like(factor);
  CudnnConvolutions& cudnn = x.context().attachment<CudnnConvolutions>();
  const ConvolutionAddresses at{.x = readable(kOp, x), .w = readable(kOp, w), .y = writable(kOp, z), .sum = writable(kOp, sum),
                                .sum_of_squares = writable(kOp, sum_of_squares), .factor = mean ? writable(kOp, factor) : nullptr,
                                .offset = mean ? writable(kOp, offset) : nullptr};
  const auto run = [&](const ConvolutionPlan& plan) {
    ConvolutionAddresses now = at;
    Tensor a;
    if (plan.form.normalises) {
      affine_of_moments(mean, variance, scale, shift, epsilon, factor, offset);
    } else {
      a = normalised_input(x, mean, variance, scale, shift, epsilon);
      now.x = readable(kOp, a);
    }
    cudnn.execute(plan, now);
    plan.form.sums ? batch_moments_of_sums(z, sum, sum_of_squares, z_mean, z_variance) : batch_moments(z, z_mean, z_variance);
  };
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, ConvolutionDirection::forward, x.dtype(), at), run);
  if (!plan) return plain();
  run(*plan);
}

}  // namespace pliant::kernels::gpu
