#include "kernels/pack.h"

#include <doctest/doctest.h>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Tensor indices(Context& context, const std::vector<std::int32_t>& values) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(values.size())}, values);
}

}  // namespace

TEST_CASE("pack: takes rows and columns and the adjoint adds them back") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    Context& context = *device.context;
    const Tensor x = make_tensor(context, {3, 3}, DType::f32, {1, 2, 3, 4, 5, 6, 7, 8, 9});
    const std::vector<Tensor> chosen = {indices(context, {2, 0}), indices(context, {0, 2})};
    Tensor y(context, {2, 2});
    kernels::pack(x, chosen, y);
    CHECK(y.to_doubles() == std::vector<double>{7, 9, 1, 3});
    Tensor dx = make_tensor(context, {3, 3}, DType::f32, {100, 100, 100, 100, 100, 100, 100, 100, 100});
    kernels::unpack_accumulate(y, chosen, dx);
    CHECK(dx.to_doubles() == std::vector<double>{101, 100, 103, 100, 100, 100, 107, 100, 109});
  }
}

TEST_CASE("pack: four dimensions equal the formula") {
  const Tensor x = random_tensor(cpu(), {4, 3, 2, 5}, DType::f32, 3);
  const std::vector<std::int32_t> rows = {3, 0, 1}, columns = {0, 1, 2, 4};
  Tensor y(cpu(), {3, 3, 2, 4});
  kernels::pack(x, {indices(cpu(), rows), {}, {}, indices(cpu(), columns)}, y);
  const std::vector<double> whole = x.to_doubles(), part = y.to_doubles();
  std::size_t at = 0;
  for (const std::int32_t i : rows) {
    for (std::int32_t j = 0; j < 6; ++j) {
      for (const std::int32_t k : columns) CHECK(part[at++] == whole[static_cast<std::size_t>((i * 6 + j) * 5 + k)]);
    }
  }
}

TEST_CASE("pack: positions outside and given twice and shapes that do not fit are refused") {
  const Tensor x = random_tensor(cpu(), {3, 4}, DType::f32, 1);
  Tensor y(cpu(), {2, 4}), wrong(cpu(), {2, 3});
  CHECK_THROWS_WITH_AS(kernels::pack(x, {indices(cpu(), {0, 3}), {}}, y), "pack: index 3 is outside 0..2", ShapeError);
  CHECK_THROWS_WITH_AS(kernels::pack(x, {indices(cpu(), {1, 1}), {}}, y), "pack: index 1 is given twice", ShapeError);
  CHECK_THROWS_AS(kernels::pack(x, {indices(cpu(), {-1, 1}), {}}, y), ShapeError);
  CHECK_THROWS_AS(kernels::pack(x, {indices(cpu(), {0, 1})}, y), ShapeError);
  CHECK_THROWS_AS(kernels::pack(x, {indices(cpu(), {0, 1}), {}}, wrong), ShapeError);
  Tensor dx(cpu(), {3, 4});
  CHECK_THROWS_AS(kernels::unpack_accumulate(wrong, {indices(cpu(), {0, 1}), {}}, dx), ShapeError);
}

}  // namespace pliant::test
