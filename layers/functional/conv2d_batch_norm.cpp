#include "kernels/conv2d_normed.h"

#include "layers/functional/recorded.h"

namespace pliant {

Var conv2d_batch_norm_train(const Var& x, const Var& w, const Conv2dGeometry& geometry, const Var& scale, const Var& shift,
                            const BatchNormState& state, Activation f, const Var& residual) {
  Tensor z(x.value.context(), conv2d_output_shape(x.value.shape(), w.value.shape(), geometry), x.value.dtype()), y = Tensor::like(z);
  Tensor mean = Tensor::like(scale.value), inverse_deviation = Tensor::like(scale.value);
  Tensor running_mean = state.running_mean, running_variance = state.running_variance;
  kernels::conv2d_batch_norm_train(x.value, w.value, geometry, scale.value, shift.value, residual.value, f, state.momentum, state.epsilon,
                                   running_mean, running_variance, mean, inverse_deviation, z, y);
  return recorded_batch_norm_train(recorded_conv2d(x, w, {}, geometry, z), scale, shift, mean, inverse_deviation, f, residual, y);
}

}  // namespace pliant
