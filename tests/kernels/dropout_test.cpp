#include "kernels/dropout.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/rng.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Tensor dropped(Context& context, const Tensor& x, const std::vector<std::int32_t>& samples, int layer, double p,
               const std::vector<std::int32_t>& key = {1, 2, 3}) {
  Tensor y(context, x.shape(), x.dtype());
  kernels::dropout(
      x.to(context), Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(key.size())}, key),
      Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(samples.size())}, samples), layer, p, y);
  return y;
}

}  // namespace

TEST_CASE("dropout: the mask is the documented draw and kept values are scaled") {
  const Tensor x = random_tensor(cpu(), {2, 3, 5}, DType::f64, 1, 1.0, 2.0);
  const std::vector<double> y = dropped(cpu(), x, {9, 4}, 6, 0.25, {-5, 7, 2}).to_doubles(), in = x.to_doubles();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const RandomStream stream((std::uint64_t{7} << 32) | 0xFFFFFFFBu, Purpose::dropout, 2, i < 15 ? 9 : 4);
    const std::size_t j = i % 15;
    const std::uint32_t word = stream.words((std::uint64_t{6} << 32) | (j / 4))[j % 4];
    const bool kept = static_cast<double>(word >> 8) * 0x1p-24 >= 0.25;
    CHECK(y[i] == (kept ? in[i] * (1.0 / 0.75) : 0.0));
  }
}

TEST_CASE("dropout: CPU and kernels give the same bits") {
  const Tensor x = random_tensor(cpu(), {5, 3, 7}, DType::f32, 2);
  const Tensor expected = dropped(cpu(), x, {3, 1, 4, 1, 5}, 0, 0.3);
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    CHECK(bit_equal(dropped(*gpu.context, x, {3, 1, 4, 1, 5}, 0, 0.3), expected));
  }
}

TEST_CASE("dropout: a sample meets its mask in every batch and layers and epochs differ") {
  std::vector<double> ones(64, 1.0);
  const Tensor x = make_tensor(cpu(), {2, 32}, DType::f32, ones);
  const Tensor first = dropped(cpu(), x, {7, 8}, 1, 0.5), swapped = dropped(cpu(), x, {8, 7}, 1, 0.5);
  CHECK(bit_equal(first.rows(0, 1), swapped.rows(1, 1)));
  CHECK(bit_equal(first.rows(1, 1), swapped.rows(0, 1)));
  CHECK_FALSE(bit_equal(first.rows(0, 1), first.rows(1, 1)));
  CHECK_FALSE(bit_equal(first, dropped(cpu(), x, {7, 8}, 2, 0.5)));
  CHECK_FALSE(bit_equal(first, dropped(cpu(), x, {7, 8}, 1, 0.5, {1, 2, 4})));
  CHECK_FALSE(bit_equal(first, dropped(cpu(), x, {7, 8}, 1, 0.5, {1, 9, 3})));
}

TEST_CASE("dropout: the kept fraction lies within four standard errors") {
  const std::int64_t size = 40000;
  const Tensor x = make_tensor(cpu(), {1, size}, DType::f64, std::vector<double>(static_cast<std::size_t>(size), 1.0));
  for (const double p : {0.1, 0.5, 0.9}) {
    std::int64_t kept = 0;
    for (const double value : dropped(cpu(), x, {0}, 0, p).to_doubles()) kept += value != 0.0;
    const double expected = static_cast<double>(size) * (1.0 - p), deviation = std::sqrt(expected * p);
    CHECK(std::abs(static_cast<double>(kept) - expected) <= 4.0 * deviation);
  }
}

TEST_CASE("dropout: a probability of zero is the identity") {
  const Tensor x = random_tensor(cpu(), {3, 5}, DType::f32, 4);
  CHECK(bit_equal(dropped(cpu(), x, {0, 1, 2}, 0, 0.0), x));
}

TEST_CASE("dropout: a probability outside zero to one and tensors that do not fit are refused") {
  const Tensor x = random_tensor(cpu(), {2, 5}, DType::f32, 4);
  CHECK_THROWS_WITH_AS(dropped(cpu(), x, {0, 1}, 0, 1.0), "dropout: the probability must lie in [0, 1), got 1",
                       ConfigError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1}, 0, -0.1), ConfigError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1}, 0, std::nan("")), ConfigError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1}, -1, 0.5), ConfigError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1, 2}, 0, 0.5), ShapeError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1}, 0, 0.5, {1, 2}), ShapeError);
}

}  // namespace pliant::test
