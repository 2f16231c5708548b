#include "kernels/batch_norm_checks.h"

#include "kernels/tensor_checks.h"

namespace pliant::kernels {

namespace {

const void* address(const Tensor& tensor) {
  switch (tensor.dtype()) {
    case DType::f64: return tensor.data<double>();
    case DType::bf16: return tensor.data<BFloat16>();
    case DType::f16: return tensor.data<Half>();
    default: return tensor.data<float>();
  }
}

void require_per_channel(const char* op, const char* name, const Tensor& tensor, const Tensor& x) {
  const DType wanted = accumulation_dtype(x.dtype());
  PLIANT_REQUIRE(ShapeError, tensor && tensor.shape() == Shape({x.shape()[-1]}) && tensor.dtype() == wanted, op, ": x ", x.shape(),
                 " of ", x.dtype(), " needs ", name, " [", x.shape()[-1], "] of ", wanted, ", got ", tensor.shape(), " of ",
                 tensor.dtype());
}

void require_activation(const char* op, Activation f) {
  PLIANT_REQUIRE(ConfigError, f == Activation::identity || f == Activation::relu, op,
                 ": fuses identity and relu alone, got ", name_of(f), "; apply it after the normalisation");
}

void require_epsilon(const char* op, double epsilon) {
  PLIANT_REQUIRE(ConfigError, epsilon > 0.0, op, ": epsilon must be above 0, got ", epsilon);
}

ChannelRows channel_rows(const char* op, const Tensor& x) {
  require_storage(op, "x", x);
  PLIANT_REQUIRE(ShapeError, x.shape().rank() >= 1 && x.shape()[-1] >= 1, op, ": x ", x.shape(), " has no channels");
  return {x.size() / x.shape()[-1], x.shape()[-1]};
}

}  // namespace

void require_apart(const char* op, const char* output_name, const Tensor& output, const char* input_name,
                   const Tensor& input) {
  if (!output || !input || output.size() == 0) return;
  PLIANT_REQUIRE(ShapeError, address(output) != address(input), op, ": ", output_name, " may not be ", input_name);
}

ChannelRows check_batch_norm_train(const Tensor& x, const Tensor& factor, const Tensor& shift, const Tensor& residual,
                                   Activation f, double momentum, double epsilon, const Tensor& running_mean,
                                   const Tensor& running_variance, const Tensor& mean, const Tensor& inverse_deviation,
                                   const Tensor& y) {
  const char* op = "batch_norm_train";
  const ChannelRows sizes =
      check_batch_norm_infer(x, factor, shift, residual, f, epsilon, running_mean, running_variance, y);
  PLIANT_REQUIRE(
      ShapeError, sizes.rows > 1, op, ": x ", x.shape(), " has ", sizes.rows,
      " value(s) per channel; their variance needs at least 2, so use larger batches, or the running statistics");
  PLIANT_REQUIRE(ConfigError, momentum >= 0.0 && momentum <= 1.0, op, ": momentum must lie in [0, 1], got ", momentum);
  require_per_channel(op, "mean", mean, x);
  require_per_channel(op, "inverse_deviation", inverse_deviation, x);
  return sizes;
}

ChannelRows check_batch_norm_infer(const Tensor& x, const Tensor& factor, const Tensor& shift, const Tensor& residual,
                                   Activation f, double epsilon, const Tensor& running_mean,
                                   const Tensor& running_variance, const Tensor& y) {
  const char* op = "batch_norm";
  const ChannelRows sizes = channel_rows(op, x);
  require_per_channel(op, "scale", factor, x);
  require_per_channel(op, "shift", shift, x);
  require_per_channel(op, "running_mean", running_mean, x);
  require_per_channel(op, "running_variance", running_variance, x);
  require_same(op, x, y);
  if (residual) require_same(op, x, residual);
  require_apart(op, "y", y, "x", x);
  require_activation(op, f);
  require_epsilon(op, epsilon);
  return sizes;
}

ChannelRows check_batch_moments(const Tensor& x, const Tensor& mean, const Tensor& variance) {
  const char* op = "batch_moments";
  const ChannelRows sizes = channel_rows(op, x);
  PLIANT_REQUIRE(ShapeError, sizes.rows > 0, op, ": x ", x.shape(), " has no values");
  require_per_channel(op, "mean", mean, x);
  require_per_channel(op, "variance", variance, x);
  require_apart(op, "variance", variance, "mean", mean);
  return sizes;
}

ChannelRows check_batch_norm_backward(const char* op, const Tensor& dy, const Tensor& x, const Tensor& y,
                                      const Tensor& factor, const Tensor& mean, const Tensor& spread, Activation f,
                                      const Tensor& dx, const Tensor& dscale, const Tensor& dshift,
                                      const Tensor& dresidual) {
  const ChannelRows sizes = channel_rows(op, x);
  require_activation(op, f);
  require_same(op, x, dy);
  PLIANT_REQUIRE(ShapeError, y || f == Activation::identity, op, ": the gradient of ", name_of(f), " needs y");
  if (y) require_same(op, x, y);
  require_per_channel(op, "scale", factor, x);
  require_per_channel(op, "the mean", mean, x);
  require_per_channel(op, "the deviation or variance", spread, x);
  if (dscale) require_per_channel(op, "dscale", dscale, x);
  if (dshift) require_per_channel(op, "dshift", dshift, x);
  const std::pair<const char*, const Tensor*> outputs[] = {{"dx", &dx}, {"dresidual", &dresidual}};
  for (const auto& [name, output] : outputs) {
    if (!*output) continue;
    require_same(op, x, *output);
    require_apart(op, name, *output, "dy", dy);
    require_apart(op, name, *output, "x", x);
    require_apart(op, name, *output, "y", y);
  }
  require_apart(op, "dx", dx, "dresidual", dresidual);
  return sizes;
}

}  // namespace pliant::kernels
