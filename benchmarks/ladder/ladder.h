// The ladder: operations written several times, slow to fast, to be read one after another. Each step has the signature of the
// real kernel's body, so that it takes the same inputs, passes the same checks, and can be timed beside it. Nothing of Pliant
// calls these; they refuse what they leave out (a step that needs more than the shape gives falls back to the one before it).
#pragma once

#include <vector>

#include "kernels/batch_norm.h"
#include "kernels/conv2d.h"
#include "kernels/matrix_product.h"
#include "kernels/reduce.h"

namespace pliant::ladder {

template <class Body>
struct Step {
  const char* name;
  Body* run;
};

using Sum = void(const Tensor& x, double factor, Tensor& y);
using BatchNorm = void(const Tensor& x, const Tensor& scale, const Tensor& shift, const Tensor& residual, Activation f, double momentum,
                       double epsilon, Tensor& running_mean, Tensor& running_variance, Tensor& mean, Tensor& inverse_deviation, Tensor& y);
using Product = void(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c);
using Convolution = void(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y);

std::vector<Step<Sum>> reduction_steps();              // reduction.cu: kernels::accumulate_sum
std::vector<Step<BatchNorm>> batch_norm_steps();       // batch_norm.cu: kernels::batch_norm_train
std::vector<Step<Product>> product_steps();            // matrix_product.cu: c = a b^T + bias, what a linear layer computes
std::vector<Step<Convolution>> direct_steps();         // conv2d_direct.cu: one group
std::vector<Step<Convolution>> implicit_gemm_steps();  // conv2d_implicit_gemm.cu: one group
std::vector<Step<Convolution>> depthwise_steps();      // depthwise_conv2d.cu: groups = C = K

// The last step of the products; conv2d_implicit_gemm.cu multiplies with it.
void product_double_buffered(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c);

}  // namespace pliant::ladder
