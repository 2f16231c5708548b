// Sums that change the dtype.
#include "core/memory_ops.h"

#include <doctest/doctest.h>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

TEST_CASE("accumulate: 16-bit values are added to f32 without rounding the sum to 16 bits") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& here : contexts) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      CAPTURE(here.name);
      CAPTURE(dtype);
      const Tensor wide = random_tensor(*here.context, {257, 3}, DType::f32, 1);
      Tensor x(*here.context, wide.shape(), dtype), y = random_tensor(*here.context, wide.shape(), DType::f32, 2);
      kernels::cast(wide, x);
      const std::vector<double> before = y.to_doubles(), added = x.to_doubles();
      kernels::accumulate(x, y);
      const std::vector<float> after = y.to_host<float>();
      for (std::size_t i = 0; i < after.size(); ++i) CHECK(after[i] == static_cast<float>(before[i] + added[i]));
    }
  }
}

TEST_CASE("accumulate: tensors that do not fit together are refused") {
  const Tensor x = random_tensor(cpu(), {4}, DType::f32, 1);
  Tensor half(cpu(), {4}, DType::f16), longer(cpu(), {5}, DType::f32), other(cpu(), {4}, DType::bf16);
  CHECK_THROWS_AS(kernels::accumulate(x, half), ShapeError);
  CHECK_THROWS_AS(kernels::accumulate(half, longer), ShapeError);
  CHECK_THROWS_AS(kernels::accumulate(half, other), ShapeError);
}

}  // namespace pliant::test
