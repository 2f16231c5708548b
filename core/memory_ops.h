// The operations that core itself needs. Copying and zeroing bytes are members of Tensor.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// y = value.               y: any shape, any float dtype or i32.
PLIANT_KERNEL(fill, (Tensor & y, double value));

// y = x, converted.        x, y: same shape, among f32 | f64 | bf16 | f16 | i32 | u8; f64 on the CPU alone.
// To 16 bits: nearest even. To integers: truncation; the caller keeps values in range.
PLIANT_KERNEL(cast, (const Tensor& x, Tensor& y));

// y = y + x.               x, y: same shape and dtype, f32 | bf16 | f16 (f64 on the CPU); or x bf16 | f16 and y f32.
PLIANT_KERNEL(accumulate, (const Tensor& x, Tensor& y));

}  // namespace pliant::kernels
