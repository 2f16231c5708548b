// The convolutions of CUDA builds, by cuDNN (kernels/gpu/cudnn_convolutions.h).
#include "kernels/gpu/conv2d_cudnn.h"

#include "core/memory_ops.h"
#include "kernels/gpu/channel_bias.h"
#include "kernels/gpu/conv2d_direct.h"
#include "kernels/gpu/conv2d_tail.h"
#include "kernels/gpu/cudnn_convolutions.h"
#include "kernels/gpu/library_tensors.h"

namespace pliant::kernels::gpu {

namespace {

using Direction = ConvolutionDirection;

void forward(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
             const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes sizes = check_conv2d(op, x, w, bias, y, geometry);
  if (sizes.n == 0) return;
  CudnnConvolutions& cudnn = x.context().attachment<CudnnConvolutions>();
  const ConvolutionAddresses at{readable(op, x), readable(op, w), writable(op, y), bias ? readable(op, bias) : nullptr,
                     residual ? readable(op, residual) : nullptr};
  const auto run = [&](const ConvolutionPlan& plan) {
    cudnn.execute(plan, at);
    if (bias && !plan.form.adds_bias) add_channel_bias(bias, y);
    if (!plan.form.ends) add_conv2d_tail(residual, f, y);
  };
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, Direction::forward, x.dtype(), at, f == Activation::relu), run);
  if (plan) return run(*plan);
  conv2d_direct_forward(x, w, bias, geometry, y);
  add_conv2d_tail(residual, f, y);
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  forward("conv2d", x, w, bias, {}, Activation::identity, geometry, y);
}

void conv2d_dense_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                        const Conv2dGeometry& geometry, Tensor& y) {
  forward("conv2d_fused", x, w, bias, residual, f, geometry, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  constexpr const char* kOp = "gradient of conv2d";
  const Conv2dSizes sizes = check_conv2d(kOp, dx, w, {}, dy, geometry);
  if (sizes.n == 0) return;
  CudnnConvolutions& cudnn = dy.context().attachment<CudnnConvolutions>();
  const ConvolutionAddresses at{writable(kOp, dx), readable(kOp, w), readable(kOp, dy)};
  const auto run = [&](const ConvolutionPlan& plan) { cudnn.execute(plan, at); };
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, Direction::backward_data, dy.dtype(), at), run);
  if (!plan) return conv2d_direct_backward_data(dy, w, geometry, dx);
  run(*plan);
}

void conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  constexpr const char* kOp = "gradient of conv2d";
  const Conv2dSizes sizes = check_conv2d(kOp, x, dw, {}, dy, geometry, FilterRole::gradient);
  if (sizes.n == 0) return;
  CudnnConvolutions& cudnn = dy.context().attachment<CudnnConvolutions>();
  const auto add_to = [&](const ConvolutionPlan& plan, Tensor& sum) {
    if (plan.form.accumulates) return cudnn.execute(plan, {readable(kOp, x), writable(kOp, sum), readable(kOp, dy)});
    Tensor gradient(dy.context(), dw.shape(), plan.form.filter);
    cudnn.execute(plan, {readable(kOp, x), writable(kOp, gradient), readable(kOp, dy)});
    kernels::accumulate(gradient, sum);
  };
  const auto run = [&](const ConvolutionPlan& plan) {
    Tensor scratch = Tensor::zeros_like(dw);
    add_to(plan, scratch);
  };
  const ConvolutionAddresses at{readable(kOp, x), readable(kOp, dw), readable(kOp, dy)};
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, Direction::backward_filter, dy.dtype(), at), run);
  if (!plan) return conv2d_direct_backward_filter(dy, x, geometry, dw);
  add_to(*plan, dw);
}

CudnnCounters cudnn_counters(Context& context) { return context.attachment<CudnnConvolutions>().counters; }

}  // namespace pliant::kernels::gpu
