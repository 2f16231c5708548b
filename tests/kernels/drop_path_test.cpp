#include "kernels/drop_path.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/rng.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"

namespace pliant::test {

namespace {

Tensor dropped(Context& context, const Tensor& x, const std::vector<std::int32_t>& samples, int block, double survival, double factor = 1.0,
               const std::vector<std::int32_t>& key = {1, 2, 3}) {
  Tensor y(context, x.shape(), x.dtype());
  kernels::drop_rows(x.to(context), Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(key.size())}, key),
                     Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(samples.size())}, samples), block, survival, factor, y);
  return y;
}

}  // namespace

TEST_CASE("drop_rows: the gate of a row is the documented draw and rows that are kept are scaled") {
  std::vector<std::int32_t> samples;
  for (std::int32_t i = 0; i < 20; ++i) samples.push_back(1000 - 7 * i);
  on_every_backend([&](Context& context, DType dtype, double) {
    const Tensor x = random_tensor(cpu(), {20, 3, 5}, dtype, 1, 1.0, 2.0);
    for (const int block : {0, 5, 53}) {
      const std::vector<double> y = dropped(context, x, samples, block, 0.6, 0.5, {-5, 7, 2}).to_doubles(), in = x.to_doubles();
      for (std::size_t i = 0; i < y.size(); ++i) {
        const RandomStream stream((std::uint64_t{7} << 32) | 0xFFFFFFFBu, Purpose::gate, 2, static_cast<std::uint32_t>(samples[i / 15]));
        const bool kept = static_cast<double>(stream.uniform(static_cast<std::uint64_t>(block))) < 0.6;
        CHECK(y[i] == (kept ? 0.5 * in[i] : 0.0));
      }
    }
  });
}

TEST_CASE("drop_rows: CPU and kernels give the same bits") {
  const Tensor x = random_tensor(cpu(), {5, 3, 7}, DType::f32, 2);
  const Tensor expected = dropped(cpu(), x, {3, 1, 4, 1, 5}, 4, 0.7, 1.0 / 0.7);
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    CHECK(bit_equal(dropped(*gpu.context, x, {3, 1, 4, 1, 5}, 4, 0.7, 1.0 / 0.7), expected));
  }
}

TEST_CASE("drop_rows: a sample meets its gate in every batch and blocks and epochs and seeds differ") {
  const std::int64_t n = 64;
  std::vector<std::int32_t> samples, backwards;
  for (std::int32_t i = 0; i < n; ++i) samples.push_back(i);
  backwards.assign(samples.rbegin(), samples.rend());
  const Tensor x = make_tensor(cpu(), {n, 3}, DType::f32, std::vector<double>(3 * n, 1.0));
  const Tensor first = dropped(cpu(), x, samples, 1, 0.5), reversed = dropped(cpu(), x, backwards, 1, 0.5);
  for (std::int64_t i = 0; i < n; ++i) CHECK(bit_equal(first.rows(i, 1), reversed.rows(n - 1 - i, 1)));
  const Tensor alone = dropped(cpu(), x.rows(0, 1), {17}, 1, 0.5);
  CHECK(bit_equal(alone, first.rows(17, 1)));
  CHECK_FALSE(bit_equal(first, dropped(cpu(), x, samples, 2, 0.5)));
  CHECK_FALSE(bit_equal(first, dropped(cpu(), x, samples, 1, 0.5, 1.0, {1, 2, 4})));
  CHECK_FALSE(bit_equal(first, dropped(cpu(), x, samples, 1, 0.5, 1.0, {1, 9, 3})));
}

TEST_CASE("drop_rows: the share of rows that survive lies within four standard errors") {
  const std::int64_t n = 20000;
  std::vector<std::int32_t> samples;
  for (std::int32_t i = 0; i < n; ++i) samples.push_back(i);
  const Tensor x = make_tensor(cpu(), {n, 1}, DType::f64, std::vector<double>(static_cast<std::size_t>(n), 1.0));
  for (const double survival : {0.1, 0.5, 0.9}) {
    for (const int block : {0, 1, 2, 3, 40}) {
      double kept = 0.0;
      for (const double value : dropped(cpu(), x, samples, block, survival).to_doubles()) kept += value;
      const double expected = static_cast<double>(n) * survival;
      CHECK(std::abs(kept - expected) <= 4.0 * std::sqrt(expected * (1.0 - survival)));
    }
  }
}

TEST_CASE("drop_rows: a survival of one keeps every row and works in place") {
  on_every_backend([](Context& context, DType dtype, double) {
    const Tensor original = random_tensor(context, {3, 5}, dtype, 4);
    CHECK(bit_equal(dropped(context, original, {0, 1, 2}, 0, 1.0), original));
    Tensor x = original.clone();
    const Tensor key = Tensor::from_host<std::int32_t>(context, {3}, std::vector<std::int32_t>{1, 2, 3});
    const Tensor samples = Tensor::from_host<std::int32_t>(context, {3}, std::vector<std::int32_t>{0, 1, 2});
    kernels::drop_rows(x, key, samples, 7, 0.5, 2.0, x);
    CHECK(bit_equal(x, dropped(context, original, {0, 1, 2}, 7, 0.5, 2.0)));
  });
}

TEST_CASE("drop_rows: a survival outside zero to one and tensors that do not fit are refused") {
  const Tensor x = random_tensor(cpu(), {2, 5}, DType::f32, 4);
  CHECK_THROWS_WITH_AS(dropped(cpu(), x, {0, 1}, 0, 0.0), "drop_rows: the survival must lie in (0, 1], got 0", ConfigError);
  for (const double wrong : {-0.1, 1.0001, std::nan("")}) CHECK_THROWS_AS(dropped(cpu(), x, {0, 1}, 0, wrong), ConfigError);
  CHECK_THROWS_WITH_AS(dropped(cpu(), x, {0, 1}, -1, 0.5), "drop_rows: block -1 is negative", ConfigError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1}, 0, 0.5, std::nan("")), ConfigError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1, 2}, 0, 0.5), ShapeError);
  CHECK_THROWS_AS(dropped(cpu(), x, {0, 1}, 0, 0.5, 1.0, {1, 2}), ShapeError);
}

}  // namespace pliant::test
