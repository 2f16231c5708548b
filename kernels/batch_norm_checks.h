// What the batch normalisation bodies of both backends require of their arguments, and the sizes they work with.
#pragma once

#include "kernels/batch_norm.h"

namespace pliant::kernels {

struct ChannelRows {  // [..., C] seen as a matrix
  std::int64_t rows = 0, channels = 0;
  std::int64_t size() const { return rows * channels; }
};

// Each throws ShapeError for tensors that do not fit, and ConfigError for numbers out of range.
ChannelRows check_batch_norm_train(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                                   double momentum, double epsilon, const Tensor& running_mean, const Tensor& running_variance,
                                   const Tensor& mean, const Tensor& inverse_deviation, const Tensor& y);

ChannelRows check_batch_norm_infer(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f,
                                   double epsilon, const Tensor& running_mean, const Tensor& running_variance, const Tensor& y);

ChannelRows check_batch_moments(const Tensor& x, const Tensor& mean, const Tensor& variance);

// For both backward passes; mean and spread are the two statistics that the pass reads.
ChannelRows check_batch_norm_backward(const char* op, const Tensor& dy, const Tensor& x, const Tensor& y, const Tensor& scale,
                                      const Tensor& mean, const Tensor& spread, Activation f, const Tensor& dx,
                                      const Tensor& dscale, const Tensor& dshift, const Tensor& dresidual);

// Throws ShapeError, with both names, where an output begins where an input does. Either may be no tensor.
void require_apart(const char* op, const char* output_name, const Tensor& output, const char* input_name, const Tensor& input);

}  // namespace pliant::kernels
