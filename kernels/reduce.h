// Sums and counts. f32, or f64 on the CPU. Fixed order of summation, no floating-point atomics: the same bits every
// time, for any number of threads.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// y [1] = y + factor (sum of all elements of x).
PLIANT_KERNEL(accumulate_sum, (const Tensor& x, double factor, Tensor& y));

// y [1] = y + sum of a[i] b[i].   a, b of one shape and dtype, bf16 and f16 too, y then f32: the gradient of a factor.
PLIANT_KERNEL(accumulate_dot, (const Tensor& a, const Tensor& b, Tensor& y));

// y = factor x[0] everywhere: the gradient of a sum.   x [1], y any shape.
PLIANT_KERNEL(broadcast, (const Tensor& x, double factor, Tensor& y));

// y[n] = the index of the largest of x[n, :], the first of equals; NaN wins.   x [N, C], y [N] i32.
PLIANT_KERNEL(argmax, (const Tensor& x, Tensor& y));

// count [1] i32 += the number of rows whose argmax is the label.   logits [N, C], labels [N] i32.
PLIANT_KERNEL(count_correct, (const Tensor& logits, const Tensor& labels, Tensor& count));

// count [1] i32 += the number of rows whose label is among the k largest, in the order of argmax: the larger first, NaN before all,
// the first of equals before the others. So k = 1 is count_correct, and k >= C counts every row whose label lies in 0..C-1.
// logits [N, C], labels [N] i32; k >= 1.
PLIANT_KERNEL(count_top, (const Tensor& logits, const Tensor& labels, int k, Tensor& count));

// sums[s] += the sum of |x| over the segments of 64 elements starts[s] to starts[s + 1] - 1: of every parameter of an
// arena at once. x [P], P a multiple of 64; starts [S + 1] i32, ascending, in units of 64 elements; sums [S].
// A range that is not ascending or leaves x gives NaN.
PLIANT_KERNEL(segment_abs_sums, (const Tensor& x, const Tensor& starts, Tensor& sums));

}  // namespace pliant::kernels
