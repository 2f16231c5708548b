// Convolution with filters in the shape of a cross: of a 3x3 filter with padding 1 the five taps without the corners.
//   x [N, H, W, C]   w [K, 5, 1, C], taps up, left, centre, right, down   bias [K] or no tensor   y, dy [N, P, Q, K]
//   P = floor((H - 1) / stride) + 1, Q likewise: those of the 3x3 filter
//   y[n,p,q,k] = bias[k] + sum over taps t and c of x[n, p stride + row(t), q stride + column(t), c] w[k,t,0,c]
// where (row, column) is (-1, 0), (0, -1), (0, 0), (0, 1), (1, 0) and positions outside the image count as zero. It equals the 3x3
// convolution whose corners are zero, with 5 of 9 multiplications. dtypes as in
// kernels/conv2d.h. The gradient of the bias is channel_sum.
#pragma once

#include "core/kernel.h"

namespace pliant {

// The shape of y. Throws ShapeError naming all sizes if they do not fit.
Shape conv2d_cross_output_shape(const Shape& x, const Shape& w, int stride);

}  // namespace pliant

namespace pliant::kernels {

PLIANT_KERNEL(conv2d_cross_forward, (const Tensor& x, const Tensor& w, const Tensor& bias, int stride, Tensor& y));

// dx is written.
PLIANT_KERNEL(conv2d_cross_backward_data, (const Tensor& dy, const Tensor& w, int stride, Tensor& dx));

// dw = dw + gradient: parameter gradients accumulate.
PLIANT_KERNEL(conv2d_cross_backward_filter, (const Tensor& dy, const Tensor& x, int stride, Tensor& dw));

}  // namespace pliant::kernels
