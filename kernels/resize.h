// Bilinear resizing of images, with half-pixel centres and without smoothing (PyTorch's align_corners=False,
// antialias=False). For the inputs of a net: it has no gradient. Pixel p of P lies at (p + 1/2) H / P - 1/2 of the H
// source pixels, but not below 0; the pixel beyond the last one is the last one.
#pragma once

#include "core/kernel.h"

namespace pliant::kernels {

// x [N, H, W, C], y [N, P, Q, C]; f32, or f64 on the CPU; y not x. Sides of 1 to 16384 pixels.
PLIANT_KERNEL(bilinear_resize, (const Tensor& x, Tensor& y));

}  // namespace pliant::kernels
