#include "kernels/resize.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/backends.h"
#include "tests/support/compare.h"

namespace pliant::test {

namespace {

std::vector<double> resized(Context& context, DType dtype, Shape from, const std::vector<double>& values, std::int64_t p, std::int64_t q) {
  Tensor y(context, {from[0], p, q, from[3]}, dtype);
  kernels::bilinear_resize(make_tensor(context, from, dtype, values), y);
  return y.to_doubles();
}

}  // namespace

TEST_CASE("bilinear_resize: twice the size equals the table of PyTorch") {
  on_every_backend([](Context& context, DType dtype, double) {
    CHECK(resized(context, dtype, {1, 2, 2, 1}, {1, 2, 3, 4}, 4, 4) ==
          std::vector<double>{1, 1.25, 1.75, 2, 1.5, 1.75, 2.25, 2.5, 2.5, 2.75, 3.25, 3.5, 3, 3.25, 3.75, 4});
  });
}

TEST_CASE("bilinear_resize: smaller sizes take the two nearest pixels and smooth nothing") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    CHECK(resized(context, dtype, {1, 1, 4, 1}, {1, 2, 4, 8}, 1, 2) == std::vector<double>{1.5, 6});
    // Centres at 1/3, 2 and 11/3 of five pixels.
    CHECK(difference(resized(context, dtype, {1, 5, 1, 1}, {3, 6, 1, 9, 12}, 3, 1), {4, 1, 11}).relative <= tolerance);
    CHECK(resized(context, dtype, {1, 3, 3, 1}, {1, 2, 3, 4, 5, 6, 7, 8, 9}, 1, 1) == std::vector<double>{5});
  });
}

TEST_CASE("bilinear_resize: channels and samples stay apart") {
  on_every_backend([](Context& context, DType dtype, double) {
    CHECK(resized(context, dtype, {2, 1, 2, 2}, {0, 10, 4, 20, 100, 0, 200, 8}, 1, 4) ==
          std::vector<double>{0, 10, 1, 12.5, 3, 17.5, 4, 20, 100, 0, 125, 2, 175, 6, 200, 8});
  });
}

TEST_CASE("bilinear_resize: the same size is the identity bit for bit and a plane stays a plane inside") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    const Tensor x = random_tensor(context, {2, 5, 7, 3}, dtype, 3);
    Tensor y = Tensor::like(x);
    kernels::bilinear_resize(x, y);
    CHECK(bit_equal(x, y));
    std::vector<double> ramp;
    for (int i = 0; i < 8; ++i) ramp.push_back(i / 8.0);
    const std::vector<double> wide = resized(context, dtype, {1, 1, 8, 1}, ramp, 1, 13);
    for (std::size_t q = 1; q < 12; ++q) CHECK(std::abs(wide[q] - ((static_cast<double>(q) + 0.5) / 13 - 0.5 / 8)) <= tolerance);
    CHECK(wide.front() == 0.0);
    CHECK(wide.back() == ramp.back());
  });
}

TEST_CASE("bilinear_resize: tensors that do not fit are refused") {
  const Tensor x = random_tensor(cpu(), {2, 4, 4, 3}, DType::f32, 1);
  Tensor other(cpu(), {1, 8, 8, 3}), flat(cpu(), {2, 8}), wide(cpu(), {2, 8, 8, 3}, DType::f64), none(cpu(), {2, 0, 8, 3}),
      vast(cpu(), {2, 1, 16385, 3});
  CHECK_THROWS_WITH_AS(kernels::bilinear_resize(x, other),
                       "bilinear_resize: y must have the samples, channels and dtype of x; x is f32 [2, 4, 4, 3] on cpu, y f32 [1, 8, 8, 3] on cpu",
                       ShapeError);
  CHECK_THROWS_AS(kernels::bilinear_resize(x, flat), ShapeError);
  CHECK_THROWS_AS(kernels::bilinear_resize(x, wide), ShapeError);
  CHECK_THROWS_WITH_AS(kernels::bilinear_resize(x, none), doctest::Contains("sides have 1 to 16384 pixels"), ShapeError);
  CHECK_THROWS_AS(kernels::bilinear_resize(x, vast), ShapeError);
}

}  // namespace pliant::test
