#include "kernels/conv2d_cross_checks.h"

#include <limits>

#include "kernels/tensor_checks.h"

namespace pliant {

namespace {

Shape output_shape(const char* op, const Shape& x, const Shape& w, int stride) {
  const auto require = [&](bool condition, const char* what) {
    PLIANT_REQUIRE(ShapeError, condition, op, ": x ", x, ", w ", w, ", stride ", stride, ": ", what);
  };
  require(x.rank() == 4 && x[1] > 0 && x[2] > 0 && x[3] > 0, "x must be [N, H, W, C] with pixels and channels");
  require(w.rank() == 4 && w[0] > 0 && w[1] == kernels::kCrossTaps && w[2] == 1, "w must be [K, 5, 1, C]");
  require(w[3] == x[3], "x and w must have as many channels");
  require(stride >= 1, "the stride must be at least 1");
  for (int i = 0; i < 4; ++i) {
    require(x[i] <= std::numeric_limits<int>::max() && w[i] <= std::numeric_limits<int>::max(), "a dimension exceeds 2^31 - 1");
  }
  return {x[0], (x[1] - 1) / stride + 1, (x[2] - 1) / stride + 1, w[0]};
}

}  // namespace

Shape conv2d_cross_output_shape(const Shape& x, const Shape& w, int stride) { return output_shape("conv2d_cross", x, w, stride); }

namespace kernels {

CrossSizes check_conv2d_cross(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& y, int stride,
                              FilterRole role) {
  require_storage(op, "x", x);
  PLIANT_REQUIRE(ShapeError, w && y, op, ": a tensor is missing");
  require_tensor(op, "y", y, output_shape(op, x.shape(), w.shape(), stride), x.dtype());
  require_tensor(op, role == FilterRole::gradient ? "dw" : "w", w, w.shape(),
                 role == FilterRole::gradient ? accumulation_dtype(x.dtype()) : x.dtype());
  if (bias) require_tensor(op, "bias", bias, {w.shape()[0]}, accumulation_dtype(x.dtype()));
  const auto size = [](const Tensor& tensor, int i) { return static_cast<int>(tensor.shape()[i]); };
  return {size(x, 0), size(x, 1), size(x, 2), size(x, 3), size(w, 0), size(y, 1), size(y, 2), stride};
}

}  // namespace kernels

}  // namespace pliant
