#include "kernels/conv2d_checks.h"

#include <limits>

namespace pliant {

namespace {

std::string describe(const char* op, const Shape& x, const Shape& w, const Conv2dGeometry& geometry) {
  return cat(op, ": x ", x, ", w ", w, ", stride ", geometry.stride, ", padding ", geometry.padding, ", dilation ",
             geometry.dilation, ", groups ", geometry.groups, ": ");
}

Shape output_shape(const char* op, const Shape& x, const Shape& w, const Conv2dGeometry& geometry) {
  const auto require = [&](bool condition, const auto&... what) {
    PLIANT_REQUIRE(ShapeError, condition, describe(op, x, w, geometry), what...);
  };
  require(x.rank() == 4, "x must be [N, H, W, C]");
  require(w.rank() == 4, "w must be [K, R, S, C / groups]");
  require(geometry.stride >= 1 && geometry.dilation >= 1 && geometry.groups >= 1,
          "stride, dilation and groups must be at least 1");
  require(geometry.padding >= 0, "padding cannot be negative");
  for (int i = 0; i < 4; ++i) {
    require(x[i] <= std::numeric_limits<int>::max() && w[i] <= std::numeric_limits<int>::max(), "a dimension exceeds 2^31 - 1");
  }
  require(x[1] > 0 && x[2] > 0 && x[3] > 0, "x has no pixels or no channels");
  require(w.size() > 0, "w is empty");
  require(x[3] % geometry.groups == 0, x[3], " channels cannot be split into ", geometry.groups, " groups");
  require(w[0] % geometry.groups == 0, w[0], " filters cannot be split into ", geometry.groups, " groups");
  require(w[3] == x[3] / geometry.groups, "w must have ", x[3] / geometry.groups, " channels, it has ", w[3]);
  // Tested before dividing: a negative numerator is rounded towards zero and would give one pixel.
  const auto fits = [&](std::int64_t in, std::int64_t taps) {
    return in + 2 * std::int64_t{geometry.padding} >= geometry.dilation * (taps - 1) + 1;
  };
  require(fits(x[1], w[1]) && fits(x[2], w[2]), "the filter is larger than the padded image, the output would be empty");
  return {x[0], geometry.output_size(x[1], w[1]), geometry.output_size(x[2], w[2]), w[0]};
}

}  // namespace

Shape conv2d_output_shape(const Shape& x, const Shape& w, const Conv2dGeometry& geometry) {
  return output_shape("conv2d", x, w, geometry);
}

namespace kernels {

Conv2dSizes check_conv2d(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                         const Conv2dGeometry& geometry, FilterRole role) {
  const Shape expected = output_shape(op, x.shape(), w.shape(), geometry);
  const auto require = [&](bool condition, const auto&... what) {
    PLIANT_REQUIRE(ShapeError, condition, describe(op, x.shape(), w.shape(), geometry), what...);
  };
  require(y.shape() == expected, "y must be ", expected, ", it is ", y.shape());
  const DType wide = accumulation_dtype(x.dtype()), filter = role == FilterRole::gradient ? wide : x.dtype();
  require(x.dtype() == y.dtype(), "x is ", x.dtype(), ", y ", y.dtype(), "; they must be equal");
  require(w.dtype() == filter, "beside x of ", x.dtype(), (role == FilterRole::gradient ? " dw" : " w"), " must be ", filter,
          ", it is ", w.dtype());
  if (bias) {
    require(bias.shape() == Shape{w.shape()[0]}, "the bias must be [", w.shape()[0], "], it is ", bias.shape());
    require(bias.dtype() == wide, "beside x of ", x.dtype(), " the bias must be ", wide, ", it is ", bias.dtype());
  }
  const auto size = [](const Tensor& tensor, int i) { return static_cast<int>(tensor.shape()[i]); };
  Conv2dSizes sizes{size(x, 0), size(x, 1), size(x, 2), size(x, 3), size(w, 0), size(w, 1), size(w, 2), size(y, 1), size(y, 2),
                    geometry.stride, geometry.padding, geometry.dilation, geometry.groups, size(w, 3),
                    size(w, 0) / geometry.groups};
  return sizes;
}

Conv2dSizes check_depthwise(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y,
                            const Conv2dGeometry& geometry, FilterRole role) {
  const Conv2dSizes sizes = check_conv2d(op, x, w, bias, y, geometry, role);
  PLIANT_REQUIRE(ShapeError, sizes.groups == sizes.c && sizes.k == sizes.c, describe(op, x.shape(), w.shape(), geometry),
                 "a depthwise convolution has one filter and one group per channel");
  return sizes;
}

void check_conv2d_fused(const Tensor& residual, Activation f, const Tensor& y) {
  if (residual) require_same("conv2d_fused", residual, y);
  PLIANT_REQUIRE(UsageError, f == Activation::identity || f == Activation::relu, "conv2d_fused: takes identity or relu, got ", name_of(f));
}

bool is_depthwise(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry) {
  return geometry.groups > 1 && geometry.groups == x.shape()[-1] && geometry.groups == w.shape()[0];
}

}  // namespace kernels

}  // namespace pliant
