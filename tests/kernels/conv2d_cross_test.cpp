#include "kernels/conv2d_cross.h"

#include <doctest/doctest.h>

#include "kernels/conv2d.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

// The filters [K, 5, 1, C] as [K, 3, 3, C] with corners of zero.
Tensor as_square(const Tensor& cross) {
  const std::int64_t k = cross.shape()[0], c = cross.shape()[3];
  const std::vector<double> from = cross.to_doubles();
  std::vector<double> to(static_cast<std::size_t>(k * 9 * c));
  const std::int64_t places[] = {1, 3, 4, 5, 7};  // up, left, centre, right, down
  for (std::int64_t filter = 0; filter < k; ++filter) {
    for (std::int64_t tap = 0; tap < 5; ++tap) {
      for (std::int64_t i = 0; i < c; ++i) {
        to[static_cast<std::size_t>((filter * 9 + places[tap]) * c + i)] = from[static_cast<std::size_t>((filter * 5 + tap) * c + i)];
      }
    }
  }
  return make_tensor(cross.context(), {k, 3, 3, c}, cross.dtype(), to);
}

}  // namespace

TEST_CASE("conv2d_cross: it is the 3x3 convolution whose corners are zero") {
  for (const int stride : {1, 2}) {
    CAPTURE(stride);
    const Tensor x = random_tensor(cpu(), {2, 7, 6, 3}, DType::f64, 1), w = random_tensor(cpu(), {4, 5, 1, 3}, DType::f64, 2);
    const Tensor bias = random_tensor(cpu(), {4}, DType::f64, 3);
    const Conv2dGeometry geometry{.stride = stride, .padding = 1};
    Tensor square = as_square(w), expected(cpu(), conv2d_output_shape(x.shape(), square.shape(), geometry), DType::f64);
    Tensor y(cpu(), conv2d_cross_output_shape(x.shape(), w.shape(), stride), DType::f64);
    REQUIRE(y.shape() == expected.shape());
    kernels::conv2d_forward(x, square, bias, geometry, expected);
    kernels::conv2d_cross_forward(x, w, bias, stride, y);
    CHECK(difference(y, expected).relative <= 1e-14);
    Tensor dx = Tensor::like(x), dx_expected = Tensor::like(x);
    kernels::conv2d_backward_data(y, square, geometry, dx_expected);
    kernels::conv2d_cross_backward_data(y, w, stride, dx);
    CHECK(difference(dx, dx_expected).relative <= 1e-14);
  }
}

TEST_CASE("conv2d_cross: float equals the specification where panels have several blocks or the full filter is cheaper") {
  struct Sizes {
    Shape x;
    std::int64_t filters;
    int stride;
  };
  for (const Sizes& of : {Sizes{{5, 19, 17, 67}, 35, 1}, Sizes{{5, 19, 17, 67}, 35, 2}, Sizes{{2, 9, 8, 128}, 131, 1}, Sizes{{2, 9, 8, 5}, 64, 2}}) {
    CAPTURE(of.x);
    CAPTURE(of.stride);
    const Shape w_shape{of.filters, 5, 1, of.x[3]};
    std::vector<Tensor> outcomes[2];
    for (const DType dtype : {DType::f64, DType::f32}) {
      const Tensor x = random_tensor(cpu(), of.x, dtype, 1), w = random_tensor(cpu(), w_shape, dtype, 2);
      const Tensor bias = random_tensor(cpu(), {of.filters}, dtype, 3);
      Tensor y(cpu(), conv2d_cross_output_shape(of.x, w_shape, of.stride), dtype), dx = Tensor::like(x), dw = random_tensor(cpu(), w_shape, dtype, 4);
      kernels::conv2d_cross_forward(x, w, bias, of.stride, y);
      const Tensor dy = random_tensor(cpu(), y.shape(), dtype, 5);
      kernels::conv2d_cross_backward_data(dy, w, of.stride, dx);
      kernels::conv2d_cross_backward_filter(dy, x, of.stride, dw);
      outcomes[dtype == DType::f32] = {y, dx, dw};
    }
    for (std::size_t i = 0; i < 3; ++i) CHECK(difference(outcomes[1][i], outcomes[0][i]).relative <= 1e-5);
  }
}

TEST_CASE("conv2d_cross: shapes that do not fit are refused") {
  const Tensor x = Tensor::zeros(cpu(), {1, 4, 4, 3}, DType::f32), w = Tensor::zeros(cpu(), {2, 5, 1, 3}, DType::f32);
  Tensor y = Tensor::zeros(cpu(), {1, 4, 4, 2}, DType::f32), small = Tensor::zeros(cpu(), {1, 3, 4, 2}, DType::f32);
  CHECK_THROWS_WITH_AS(conv2d_cross_output_shape(x.shape(), {2, 3, 3, 3}, 1), doctest::Contains("w must be [K, 5, 1, C]"), ShapeError);
  CHECK_THROWS_WITH_AS(conv2d_cross_output_shape(x.shape(), {2, 5, 1, 4}, 1), doctest::Contains("as many channels"), ShapeError);
  CHECK_THROWS_WITH_AS(conv2d_cross_output_shape(x.shape(), w.shape(), 0), doctest::Contains("at least 1"), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d_cross_forward(x, w, {}, 1, small), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d_cross_forward(x, w, x, 1, y), ShapeError);
}

}  // namespace pliant::test
