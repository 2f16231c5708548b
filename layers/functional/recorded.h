// The steps of the tape of operations that one kernel may compute together: each is recorded, and goes back, as it does alone.
#pragma once

#include "layers/functional.h"

namespace pliant {

// y: what conv2d has computed.
Var recorded_conv2d(const Var& x, const Var& w, const Var& bias, const Conv2dGeometry& geometry, const Tensor& y);

// y, mean and inverse_deviation: what batch_norm_train has computed.
Var recorded_batch_norm_train(const Var& x, const Var& scale, const Var& shift, const Tensor& mean, const Tensor& inverse_deviation, Activation f,
                              const Var& residual, const Tensor& y);

}  // namespace pliant
