// Small dense linear algebra in double, for rebuilding a layer after its input channels went: a matrix and least squares that
// dead, duplicate and constant columns cannot upset. Knows nothing of nets.
#pragma once

#include <cstdint>
#include <vector>

namespace pliant {

struct Matrix {
  std::int64_t rows = 0, columns = 0;
  std::vector<double> values;  // row after row

  Matrix() = default;
  Matrix(std::int64_t row_count, std::int64_t column_count)
      : rows(row_count), columns(column_count), values(static_cast<std::size_t>(row_count * column_count)) {}
  double& operator()(std::int64_t i, std::int64_t j) { return values[static_cast<std::size_t>(i * columns + j)]; }
  double operator()(std::int64_t i, std::int64_t j) const { return values[static_cast<std::size_t>(i * columns + j)]; }
};

Matrix product(const Matrix& a, const Matrix& b);                                          // a b
Matrix transposed_product(const Matrix& a, const Matrix& b);                               // a^T b
Matrix difference(const Matrix& a, const Matrix& b);                                       // a - b
Matrix columns_of(const Matrix& x, const std::vector<std::int64_t>& columns);              // these columns, in this order
double squared_norm(const Matrix& a);                                                      // sum of the squares of all elements

struct LinearFit {
  Matrix weights;                 // [p, n]
  std::vector<double> intercept;  // [n]; zeros where none was asked for
};

// min over W (and b) of ||Y - X W - 1 b^T||_F^2 for x [N, p] and y [N, n], N >= 1: the ordinary linear regression of He, Zhang and
// Sun (2017), eq. 4, and for n = 1 without intercept the rescaling of Luo et al. (2017), eq. 8.
// Of several solutions it is the one nearest to start [p, n], each column counted by its norm: what the samples do not determine
// stays as it is. Computed by iterated Tikhonov regularisation on the normal equations of columns scaled to norm 1,
//   W <- W + (X^T X + e I)^-1 X^T (Y - X W),  e = 1e-7,
// which is exact in directions with a singular value above about 1e-3 after a few rounds and leaves those far below alone.
// Throws ShapeError where the sizes do not fit, DataError where a value is not finite.
LinearFit least_squares(const Matrix& x, const Matrix& y, const Matrix& start, bool intercept);

}  // namespace pliant
