#include "kernels/pool_windows.h"

#include <limits>

#include "kernels/tensor_checks.h"

namespace pliant {

namespace {

// Positions within an image are counted in 32 bits.
void require_images(const char* op, const Shape& x) {
  PLIANT_REQUIRE(ShapeError, x.rank() == 4 && x[1] >= 1 && x[2] >= 1 && x[3] >= 1, op,
                 ": needs [N, H, W, C] with pixels and channels, got ", x);
  constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();
  PLIANT_REQUIRE(ShapeError, x[1] * x[2] <= kMost && x[2] * x[3] <= kMost && x[0] * x[1] <= kMost, op, ": images of ",
                 x, " are too large for 32-bit positions");
}

void require_valid(const PoolGeometry& geometry) {
  PLIANT_REQUIRE(ShapeError, geometry.size >= 1 && geometry.stride >= 1,
                 "pooling: size and stride must be at least 1, got ", geometry.size, " and ", geometry.stride);
  PLIANT_REQUIRE(ShapeError, geometry.padding >= 0 && geometry.padding <= geometry.size / 2,
                 "pooling: padding must lie between 0 and half the size ", geometry.size, ", got ", geometry.padding);
}

}  // namespace

std::int64_t PoolGeometry::output_size(std::int64_t in) const {
  require_valid(*this);
  const std::int64_t room = in + 2 * std::int64_t{padding} - size;
  PLIANT_REQUIRE(ShapeError, in >= 1 && (ceil ? room + stride - 1 >= 0 : room >= 0), "pooling: ", in,
                 " pixels with padding ", padding, " are too few for windows of ", size);
  std::int64_t windows = (ceil ? room + stride - 1 : room) / stride + 1;
  if (ceil && (windows - 1) * stride >= in + padding) --windows;
  return windows;
}

Shape pool_output_shape(const Shape& x, const PoolGeometry& geometry) {
  require_images("pooling", x);
  return {x[0], geometry.output_size(x[1]), geometry.output_size(x[2]), x[3]};
}

}  // namespace pliant

namespace pliant::kernels {

namespace {

void require_types(const char* op, const Tensor& x, const Tensor& y) {
  PLIANT_REQUIRE(ShapeError, x.dtype() == y.dtype(), op, ": tensors of ", x.dtype(), " and ", y.dtype());
  require_storage(op, "the input", x);
}

}  // namespace

PoolSizes check_pool(const char* op, const char* x_name, const Tensor& x, const PoolGeometry& geometry,
                     const char* y_name, const Tensor& y) {
  const Shape wanted = pool_output_shape(x.shape(), geometry);
  PLIANT_REQUIRE(ShapeError, y.shape() == wanted, op, ": ", x_name, " ", x.shape(), " needs ", y_name, " ", wanted,
                 ", got ", y.shape());
  require_types(op, x, y);
  return {x.shape()[0],
          static_cast<int>(x.shape()[1]),
          static_cast<int>(x.shape()[2]),
          static_cast<int>(x.shape()[3]),
          static_cast<int>(wanted[1]),
          static_cast<int>(wanted[2]),
          geometry.size,
          geometry.stride,
          geometry.padding,
          geometry.count_padding};
}

void check_chosen(const char* op, const Tensor& chosen, const Tensor& y) {
  PLIANT_REQUIRE(ShapeError, chosen.shape() == y.shape() && chosen.dtype() == DType::i32, op, ": chosen must be i32 ",
                 y.shape(), ", got ", chosen.dtype(), " ", chosen.shape());
}

PoolSizes check_global_pool(const char* op, const Tensor& x, const Tensor& y) {
  require_images(op, x.shape());
  const Shape wanted{x.shape()[0], x.shape()[3]};
  PLIANT_REQUIRE(ShapeError, y.shape() == wanted, op, ": x ", x.shape(), " needs y ", wanted, ", got ", y.shape());
  require_types(op, x, y);
  PoolSizes sizes;
  sizes.n = x.shape()[0];
  sizes.h = static_cast<int>(x.shape()[1]);
  sizes.w = static_cast<int>(x.shape()[2]);
  sizes.c = static_cast<int>(x.shape()[3]);
  return sizes;
}

}  // namespace pliant::kernels
