// Where an output pixel meets an input pixel there is one tap between them, and over the whole batch that is a matrix product:
//   y[:, p, q, :] += x[:, h, w, :] w[:, r, s, :]^T      [N, C] by [C, K], rows of one pixel each, read and written where they lie
// On a map of 2 x 2 pixels a 3x3 filter has 16 such meetings, where its nine taps at four pixels would be 36 products, 20 of them with
// zeros. Nothing is reordered, and the gradient of the filter is added in its place.
#include "kernels/cpu/conv2d_pixel_products_onednn.h"

#include <algorithm>

#include "kernels/conv2d_checks.h"
#include "kernels/cpu/matrix_product_onednn.h"

namespace pliant::kernels::cpu {

namespace {

using std::int64_t;

// Calls body(input pixel, output pixel, tap) for every meeting, those of one output pixel in a row.
template <class Body>
void for_meetings(const Conv2dSizes& z, Body&& body) {
  for (int output = 0; output < z.p * z.q; ++output) {
    for (int tap = 0; tap < z.taps(); ++tap) {
      const int h = output / z.q * z.stride - z.padding + tap / z.s * z.dilation;
      const int w = output % z.q * z.stride - z.padding + tap % z.s * z.dilation;
      if (h >= 0 && h < z.h && w >= 0 && w < z.w) body(h * z.w + w, output, tap);
    }
  }
}

// The rows of one pixel, or the filters of one tap, as a matrix.
struct Matrices {
  template <class T>
  Rows<T> x(T* data, int pixel) const {
    return {data + int64_t{pixel} * z.c, int64_t{z.h} * z.w * z.c};
  }
  template <class T>
  Rows<T> y(T* data, int pixel) const {
    return {data + int64_t{pixel} * z.k, int64_t{z.p} * z.q * z.k};
  }
  template <class T>
  Rows<T> w(T* data, int tap) const {
    return {data + int64_t{tap} * z.c, int64_t{z.taps()} * z.c};
  }
  const Conv2dSizes& z;
};

}  // namespace

bool conv2d_by_pixel_products(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry) {
  const Shape &in = x.shape(), &filter = w.shape(), out = conv2d_output_shape(in, filter, geometry);
  return x.dtype() == DType::f32 && geometry.groups == 1 && filter[1] * filter[2] > 1 && in[1] * in[2] <= 4 && out[1] * out[2] <= 4 &&
         in[0] >= 32 && in[3] >= 64 && out[3] >= 64;
}

bool conv2d_pixel_products_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check_conv2d("conv2d", x, w, bias, y, geometry);
  if (!conv2d_by_pixel_products(x, w, geometry)) return false;
  float* out = y.data<float>();
  for (int64_t row = 0; row < z.output_pixels(); ++row) {
    if (bias) {
      std::copy_n(bias.data<float>(), z.k, out + row * z.k);
    } else {
      std::fill_n(out + row * z.k, z.k, 0.0f);
    }
  }
  const Matrices of{z};
  for_meetings(z, [&](int input, int output, int tap) {
    matrix_product_onednn(of.x(x.data<float>(), input), of.w(w.data<float>(), tap), {z.n, z.k, z.c}, {.transpose_b = true}, true, of.y(out, output));
  });
  return true;
}

bool conv2d_pixel_products_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  const Conv2dSizes z = check_conv2d("gradient of conv2d", dx, w, {}, dy, geometry);
  if (!conv2d_by_pixel_products(dx, w, geometry)) return false;
  float* out = dx.data<float>();
  std::fill_n(out, dx.size(), 0.0f);
  const Matrices of{z};
  for_meetings(z, [&](int input, int output, int tap) {
    matrix_product_onednn(of.y(dy.data<float>(), output), of.w(w.data<float>(), tap), {z.n, z.c, z.k}, {}, true, of.x(out, input));
  });
  return true;
}

bool conv2d_pixel_products_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  const Conv2dSizes z = check_conv2d("gradient of conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  if (!conv2d_by_pixel_products(x, dw, geometry)) return false;
  float* out = dw.data<float>();
  const Matrices of{z};
  for_meetings(z, [&](int input, int output, int tap) {
    matrix_product_onednn(of.y(dy.data<float>(), output), of.x(x.data<float>(), input), {z.k, z.c, z.n}, {.transpose_a = true}, true, of.w(out, tap));
  });
  return true;
}

}  // namespace pliant::kernels::cpu
