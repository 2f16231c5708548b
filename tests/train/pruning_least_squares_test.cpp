#include <doctest/doctest.h>

#include <limits>

#include "core/check.h"
#include "tests/support/compare.h"
#include "tests/train/pruning_support.h"

namespace pliant::test {

TEST_CASE("least squares: the residual is zero where the targets lie in the span") {
  const Matrix x = random_matrix(40, 6, 1), truth = random_matrix(6, 3, 2);
  Matrix y = product(x, truth);
  for (std::int64_t i = 0; i < y.rows; ++i) {
    for (std::int64_t j = 0; j < 3; ++j) y(i, j) += 0.5 * static_cast<double>(j + 1);
  }
  const LinearFit fit = least_squares(x, y, Matrix(6, 3), true);
  CHECK(difference(fit.weights.values, truth.values).relative < 1e-9);
  CHECK(difference(fit.intercept, {0.5, 1.0, 1.5}).relative < 1e-9);
  const LinearFit plain = least_squares(x, product(x, truth), Matrix(6, 3), false);
  CHECK(difference(plain.weights.values, truth.values).relative < 1e-9);
  CHECK(plain.intercept == std::vector<double>(3));
}

TEST_CASE("least squares: what is left is orthogonal to every column and to the constant") {
  const Matrix x = random_matrix(50, 5, 3), y = random_matrix(50, 2, 4);
  const LinearFit fit = least_squares(x, y, random_matrix(5, 2, 5), true);
  Matrix rest = difference(y, product(x, fit.weights));
  for (std::int64_t j = 0; j < 2; ++j) {
    double sum = 0.0;
    for (std::int64_t i = 0; i < rest.rows; ++i) {
      rest(i, j) -= fit.intercept[static_cast<std::size_t>(j)];
      sum += rest(i, j);
    }
    CHECK(std::abs(sum) < 1e-9);
  }
  for (const double product : transposed_product(x, rest).values) CHECK(std::abs(product) < 1e-8);
}

TEST_CASE("least squares: dead and constant and duplicate columns and too few samples keep what they had") {
  Matrix x = random_matrix(30, 4, 6);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    x(i, 1) = 0.0;
    x(i, 2) = 1.0;
    x(i, 3) = 2.0 * x(i, 0);
  }
  const Matrix start = random_matrix(4, 2, 7), y = product(x, start);
  CHECK(difference(least_squares(x, y, start, true).weights.values, start.values).relative < 1e-12);
  const Matrix few = random_matrix(3, 4, 8);
  CHECK(difference(least_squares(few, product(few, start), start, false).weights.values, start.values).relative < 1e-12);

  const LinearFit moved = least_squares(x, random_matrix(30, 2, 9), start, true);
  for (std::int64_t j = 0; j < 2; ++j) {
    CHECK(moved.weights(1, j) == start(1, j));
    CHECK(moved.weights(2, j) == start(2, j));
    CHECK(moved.weights(0, j) != start(0, j));
  }
}

TEST_CASE("least squares: columns of very different size are all fitted") {
  Matrix x = random_matrix(60, 3, 10);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    x(i, 0) *= 1e-3;
    x(i, 2) *= 1e3;
  }
  const Matrix truth = random_matrix(3, 1, 11);
  const LinearFit fit = least_squares(x, product(x, truth), Matrix(3, 1), true);
  for (std::int64_t j = 0; j < 3; ++j) CHECK(fit.weights(j, 0) == doctest::Approx(truth(j, 0)).epsilon(1e-6));
}

TEST_CASE("least squares: refuses sizes that do not fit and values that are not finite") {
  CHECK_THROWS_AS(least_squares(Matrix(4, 2), Matrix(3, 1), Matrix(2, 1), false), ShapeError);
  CHECK_THROWS_AS(least_squares(Matrix(4, 2), Matrix(4, 1), Matrix(3, 1), false), ShapeError);
  CHECK_THROWS_AS(product(Matrix(2, 3), Matrix(2, 3)), ShapeError);
  Matrix x = random_matrix(4, 2, 1);
  x(2, 1) = std::numeric_limits<double>::quiet_NaN();
  CHECK_THROWS_AS(least_squares(x, Matrix(4, 1), Matrix(2, 1), false), DataError);
}

}  // namespace pliant::test
