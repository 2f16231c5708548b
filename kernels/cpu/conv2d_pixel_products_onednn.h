// Convolution of maps of a few pixels in f32 by oneDNN's matrix products. Only in builds with oneDNN (PLIANT_WITH_ONEDNN).
#pragma once

#include "kernels/conv2d.h"

namespace pliant::kernels::cpu {

// Whether these functions compute such a convolution; f32, few pixels, many images and channels.
bool conv2d_by_pixel_products(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry);

// Shapes and errors as in kernels/conv2d.h; DeviceError where oneDNN fails. False: nothing was computed, as another way is faster.
bool conv2d_pixel_products_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y);
bool conv2d_pixel_products_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx);
bool conv2d_pixel_products_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw);

}  // namespace pliant::kernels::cpu
