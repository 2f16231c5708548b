// What every body of the matrix product checks before it starts.
#pragma once

#include "kernels/matrix_product.h"

namespace pliant::kernels {

struct ProductSizes {
  std::int64_t m, n, l;  // c [M, N], sums of L terms
};

// Throws ShapeError naming the shapes, the options and what is wrong.
ProductSizes check_matrix_product(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, const Tensor& c);

}  // namespace pliant::kernels
