#include "kernels/batch_norm.h"

#include "layers/functional/recorded.h"

namespace pliant {

namespace {

// The gradients of one normalisation: which are wanted, and the tensors that the kernel fills.
struct BatchNormSlots {
  Slot x, scale, shift, residual;

  template <class Kernel>
  void run(const Tensor& dy, const Tensor& value, const Tensor& weight, Activation f, Gradients& grads,
           Kernel&& kernel) const {
    Tensor dx, dscale, dshift, dresidual;
    if (grads.wanted(x)) dx = Tensor::like(value);
    if (grads.wanted(scale)) dscale = grads.accumulator(scale, weight);
    if (grads.wanted(shift)) dshift = grads.accumulator(shift, weight);
    const bool apart = f != Activation::identity;  // otherwise the residual's gradient is dy itself
    if (apart && grads.wanted(residual)) dresidual = Tensor::like(value);
    kernel(dx, dscale, dshift, dresidual);
    if (dx) grads.add(x, std::move(dx));
    grads.add(residual, apart ? std::move(dresidual) : dy);
  }
};

}  // namespace

Var recorded_batch_norm_train(const Var& x, const Var& scale, const Var& shift, const Tensor& mean, const Tensor& inverse_deviation, Activation f,
                              const Var& residual, const Tensor& y) {
  const BatchNormSlots slots{x.slot, scale.slot, shift.slot, residual.slot};
  return record("batch_norm_train", {&x, &scale, &shift, &residual}, y,
                [slots, x = x.value, y = f == Activation::identity ? Tensor() : y, scale = scale.value, mean,
                 inverse_deviation, f](const Tensor& dy, Gradients& grads) {
                  slots.run(dy, x, scale, f, grads, [&](Tensor& dx, Tensor& dscale, Tensor& dshift, Tensor& dresidual) {
                    kernels::batch_norm_backward(dy, x, y, scale, mean, inverse_deviation, f, dx, dscale, dshift,
                                                 dresidual);
                  });
                });
}

Var batch_norm_train(const Var& x, const Var& scale, const Var& shift, const BatchNormState& state, Activation f,
                     const Var& residual) {
  Tensor y = Tensor::like(x.value), mean = Tensor::like(scale.value), inverse_deviation = Tensor::like(scale.value);
  Tensor running_mean = state.running_mean, running_variance = state.running_variance;
  kernels::batch_norm_train(x.value, scale.value, shift.value, residual.value, f, state.momentum, state.epsilon,
                            running_mean, running_variance, mean, inverse_deviation, y);
  return recorded_batch_norm_train(x, scale, shift, mean, inverse_deviation, f, residual, y);
}

Var batch_norm_infer(const Var& x, const Var& scale, const Var& shift, const BatchNormState& state, Activation f,
                     const Var& residual) {
  Tensor y = Tensor::like(x.value);
  kernels::batch_norm_infer(x.value, scale.value, shift.value, residual.value, f, state.epsilon, state.running_mean,
                            state.running_variance, y);
  const BatchNormSlots slots{x.slot, scale.slot, shift.slot, residual.slot};
  return record("batch_norm_infer", {&x, &scale, &shift, &residual}, y,
                [slots, x = x.value, y = f == Activation::identity ? Tensor() : y, scale = scale.value, state, f](
                    const Tensor& dy, Gradients& grads) {
                  slots.run(dy, x, scale, f, grads, [&](Tensor& dx, Tensor& dscale, Tensor& dshift, Tensor& dresidual) {
                    kernels::batch_norm_infer_backward(dy, x, y, scale, state.running_mean, state.running_variance,
                                                       state.epsilon, f, dx, dscale, dshift, dresidual);
                  });
                });
}

}  // namespace pliant
