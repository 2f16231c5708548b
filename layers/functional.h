// Differentiable functions from Var to Var. Each lies with its gradient right below it in layers/functional/<family>.cpp.
// Activations and what multiplies them are f32, bf16, f16 or f64; biases, scales, shifts, factors, masks and statistics are f32 beside
// 16 bits, and so are the gradients of all parameters.
// A Var without a tensor stands for "none" where a parameter says "or none". Errors are those of the kernels.
#pragma once

#include "core/tape.h"
#include "kernels/augment.h"
#include "kernels/conv2d.h"
#include "kernels/conv2d_cross.h"
#include "kernels/elementwise.h"
#include "kernels/local_response_norm.h"
#include "kernels/pool.h"

namespace pliant {

// elementwise.cpp
Var activation(const Var& x, Activation f);
Var activation(const Var& x, Activation f, Tensor y);  // written into y, the identity too
Var add(const Var& a, const Var& b, double factor = 1.0);  // a + factor b, same shape
Var scale(const Var& x, double factor);
Var scale_by(const Var& x, const Var& factor);  // factor [1], itself a variable
Var reshape(const Var& x, Shape shape);
Var convert(const Var& x, DType dtype);  // x itself where it has this dtype; the gradient is converted back

// convolution.cpp
// x [N, H, W, C], w [K, R, S, C / groups], bias [K] or none; depthwise kernels where groups = C = K.
Var conv2d(const Var& x, const Var& w, const Var& bias, const Conv2dGeometry& geometry);
// f(conv2d + bias + residual) for inference, without a tape: kernels/conv2d.h, conv2d_fused. f identity or relu; residual or none.
Var conv2d_fused(const Var& x, const Var& w, const Var& bias, const Conv2dGeometry& geometry, Activation f, const Var& residual);
// conv2d with filters in the shape of a cross, w [K, 5, 1, C] (kernels/conv2d_cross.h).
Var conv2d_cross(const Var& x, const Var& w, const Var& bias, int stride);
// x [N, ...], w [K, ...] with the same number of values per row and column, bias [K] or none; y [N, K].
Var linear(const Var& x, const Var& w, const Var& bias);

// batch_norm.cpp
struct BatchNormState {  // the running statistics [C] of one set, shared memory with the buffers of a net
  Tensor running_mean, running_variance;
  double momentum = 0.1, epsilon = 1e-5;
};
// f(batch_norm(x) + residual); residual or none; f identity or relu. Train mode updates the running statistics.
Var batch_norm_train(const Var& x, const Var& scale, const Var& shift, const BatchNormState& state,
                     Activation f = Activation::identity, const Var& residual = {});
Var batch_norm_infer(const Var& x, const Var& scale, const Var& shift, const BatchNormState& state,
                     Activation f = Activation::identity, const Var& residual = {});

// conv2d_batch_norm.cpp
// batch_norm_train(conv2d(x, w), ...), which a library may compute in fewer passes (kernels/conv2d_normed.h). Two steps of the tape.
Var conv2d_batch_norm_train(const Var& x, const Var& w, const Conv2dGeometry& geometry, const Var& scale, const Var& shift,
                            const BatchNormState& state, Activation f = Activation::identity, const Var& residual = {});

// pooling.cpp
Var max_pool(const Var& x, const PoolGeometry& geometry);
Var average_pool(const Var& x, const PoolGeometry& geometry);
Var global_average_pool(const Var& x);  // [N, H, W, C] -> [N, C]
Var local_response_norm(const Var& x, const LocalResponseNorm& options);

// channels.cpp
Var concat_channels(const std::vector<Var>& parts);
Var gather_channels(const Var& x, const Tensor& index);  // index [K] i32, -1 for zero
Var mask_channels(const Var& x, const Tensor& mask);
Var pack(const Var& x, const std::vector<Tensor>& indices);  // kernels/pack.h

// dropout.cpp: kernels/dropout.h
Var dropout(const Var& x, const Tensor& key, const Tensor& samples, int layer, double p);

// drop_path.cpp: kernels/drop_path.h. Rows of samples that do not survive are zero, the others are multiplied by factor.
Var drop_path(const Var& x, const Tensor& key, const Tensor& samples, int block, double survival, double factor);

// loss.cpp
struct Targets {  // labels [N] i32 or distributions [N, C]; weights [N] or no tensor
  Tensor labels, distributions, weights;
  double smoothing = 0.0;
};
// The mean over the batch of weights[n] times the cross-entropy of sample n (divided by N, not by the sum of weights). [1]
Var cross_entropy(const Var& logits, const Targets& targets);
// The mean over the batch of the squared hinge loss, one class against all (kernels/hinge.h); labels [N] i32. [1]
Var squared_hinge(const Var& logits, const Tensor& labels);

}  // namespace pliant
