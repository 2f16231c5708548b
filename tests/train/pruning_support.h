// What the tests of reconstruction share: random matrices.
#pragma once

#include "tests/support/compare.h"
#include "train/pruning/least_squares.h"

namespace pliant::test {

inline Matrix random_matrix(std::int64_t rows, std::int64_t columns, unsigned seed) {
  Matrix matrix(rows, columns);
  matrix.values = random_values(rows * columns, seed);
  return matrix;
}

// Orthonormal columns: the first ones of the reflection I - 2 v v^T / v^T v at a random v.
inline Matrix orthogonal_matrix(std::int64_t rows, std::int64_t columns, unsigned seed) {
  const std::vector<double> v = random_values(rows, seed);
  double norm = 0.0;
  for (const double value : v) norm += value * value;
  Matrix q(rows, columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      q(i, j) = (i == j ? 1.0 : 0.0) - 2.0 * v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)] / norm;
    }
  }
  return q;
}

}  // namespace pliant::test
