// Element by element. All tensors of a call share one shape and one dtype: f32 | bf16 | f16, f64 on the CPU.
#pragma once

#include "core/kernel.h"

namespace pliant {

enum class Activation : std::uint8_t { identity, relu, relu6, sigmoid, tanh };
const char* name_of(Activation activation);

}  // namespace pliant

namespace pliant::kernels {

// y = f(x).                     relu max(x, 0), relu6 min(max(x, 0), 6), sigmoid 1 / (1 + e^-x), tanh. NaN stays NaN. y may be x.
PLIANT_KERNEL(activation_forward, (const Tensor& x, Activation f, Tensor& y));

// dx = dy f'(x), from y alone.  relu: dy where y > 0; relu6: where 0 < y < 6; sigmoid: dy y (1 - y); tanh: dy (1 - y^2). dx may be dy.
PLIANT_KERNEL(activation_backward, (const Tensor& dy, const Tensor& y, Activation f, Tensor& dx));

// y = a + factor b.             y may be a or b.
PLIANT_KERNEL(add, (const Tensor& a, const Tensor& b, double factor, Tensor& y));

// y = factor x.                 y may be x.
PLIANT_KERNEL(scale, (const Tensor& x, double factor, Tensor& y));

// y = factor[0] x.              factor [1] f32 (f64 beside f64), read on the device; y may be x.
PLIANT_KERNEL(scale_by, (const Tensor& x, const Tensor& factor, Tensor& y));

// y = a where mask is not 0, else b, exactly.   f32, or f64 on the CPU; y may be a or b.
PLIANT_KERNEL(choose, (const Tensor& mask, const Tensor& a, const Tensor& b, Tensor& y));

}  // namespace pliant::kernels
