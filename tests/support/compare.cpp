#include "tests/support/compare.h"

namespace pliant::test {

bool bit_equal(const Tensor& a, const Tensor& b) {
  if (a.shape() != b.shape() || a.dtype() != b.dtype()) return false;
  std::vector<std::byte> left(a.bytes()), right(b.bytes());
  a.read(left.data());
  b.read(right.data());
  return left == right;
}

}  // namespace pliant::test
