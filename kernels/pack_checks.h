// What the operations of pack.h require of their arguments, for every backend. Values of indices lie in device memory:
// the CPU checks them, kernels trust them.
#pragma once

#include <limits>

#include "kernels/tensor_checks.h"

namespace pliant::kernels {

// part, of dtype, is what the indices choose from whole.
inline void check_pack(const char* op, const Tensor& whole, const std::vector<Tensor>& indices, const Tensor& part,
                       DType dtype) {
  require_storage(op, "x", whole);
  const int rank = whole.shape().rank();
  PLIANT_REQUIRE(ShapeError, static_cast<int>(indices.size()) == rank, op, ": ", indices.size(),
                 " entries of indices for ", whole);
  Shape expected = whole.shape();
  for (int i = 0; i < rank; ++i) {
    const Tensor& index = indices[static_cast<std::size_t>(i)];
    if (!index) continue;
    require_rank(op, "each entry of indices", index, 1);
    require_tensor(op, "each entry of indices", index, index.shape(), DType::i32);
    expected.set(i, index.size());
  }
  require_tensor(op, "the packed tensor", part, expected, dtype);
  PLIANT_REQUIRE(ShapeError, whole.size() <= std::numeric_limits<std::int32_t>::max(), op, ": ", whole,
                 " has 2^31 elements or more");
}

// What is added to a gradient may be of 16 bits; the gradient never is.
inline void check_unpack(const Tensor& dy, const std::vector<Tensor>& indices, const Tensor& dx) {
  constexpr const char* op = "unpack_accumulate";
  require_storage(op, "dy", dy);
  PLIANT_REQUIRE(ShapeError, dx && dx.dtype() == accumulation_dtype(dy.dtype()), op, ": beside dy ", dy, " dx must be ",
                 accumulation_dtype(dy.dtype()), ", got ", dx);
  check_pack(op, dx, indices, dy, dy.dtype());
}

}  // namespace pliant::kernels
