#include "kernels/reduce.h"

#include <doctest/doctest.h>

#include <cmath>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

template <class Body>
void on_every_backend(Body&& body) {
  body(cpu());
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    body(*gpu.context);
  }
}

}  // namespace

TEST_CASE("argmax: the first of equals and NaN wins") {
  on_every_backend([](Context& context) {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    const Tensor x =
        make_tensor(context, {6, 3}, DType::f32,
                    {1, 3, 3, 2, 2, 2, -5, -7, -6, 9, nan, infinity, nan, 1, nan, -infinity, -infinity, -infinity});
    Tensor y(context, {6}, DType::i32);
    kernels::argmax(x, y);
    CHECK(y.to_host<std::int32_t>() == std::vector<std::int32_t>{1, 0, 0, 1, 0, 0});
  });
}

TEST_CASE("argmax: finds the one large value of a long row wherever it lies") {
  on_every_backend([](Context& context) {
    const std::int64_t c = 70;
    std::vector<double> values(static_cast<std::size_t>(c * c), -1.0);
    for (std::int64_t i = 0; i < c; ++i) values[static_cast<std::size_t>(i * c + i)] = 1.0;
    Tensor y(context, {c}, DType::i32);
    kernels::argmax(make_tensor(context, {c, c}, DType::f32, values), y);
    const std::vector<std::int32_t> at = y.to_host<std::int32_t>();
    for (std::int32_t i = 0; i < c; ++i) CHECK(at[static_cast<std::size_t>(i)] == i);
  });
}

TEST_CASE("count_correct: adds to the count") {
  on_every_backend([](Context& context) {
    const Tensor logits = make_tensor(context, {3, 2}, DType::f32, {0, 1, 1, 0, 0, 1});
    Tensor count = Tensor::from_host<std::int32_t>(context, {1}, std::vector<std::int32_t>{40});
    kernels::count_correct(logits, Tensor::from_host<std::int32_t>(context, {3}, std::vector<std::int32_t>{1, 0, 0}),
                           count);
    CHECK(count.to_host<std::int32_t>()[0] == 42);
  });
}

TEST_CASE("count_top: counts labels among the k largest and equals come in the order of their places") {
  on_every_backend([](Context& context) {
    const double nan = std::nan(""), infinity = std::numeric_limits<double>::infinity();
    const auto hits = [&](const std::vector<double>& row, std::int32_t label, int k) {
      const Tensor logits = make_tensor(context, {1, static_cast<std::int64_t>(row.size())}, DType::f32, row);
      Tensor count = Tensor::from_host<std::int32_t>(context, {1}, std::vector<std::int32_t>{10});
      kernels::count_top(logits, Tensor::from_host<std::int32_t>(context, {1}, std::vector<std::int32_t>{label}), k, count);
      return count.to_host<std::int32_t>()[0] - 10;
    };
    // The first k at which each label counts: its place in the order.
    const auto places = [&](const std::vector<double>& row) {
      std::vector<int> result;
      for (std::int32_t label = 0; label < static_cast<std::int32_t>(row.size()); ++label) {
        int k = 1;
        while (hits(row, label, k) == 0) REQUIRE(++k <= static_cast<int>(row.size()));
        result.push_back(k);
      }
      return result;
    };
    CHECK(places({3, 1, 4, -1, 5}) == std::vector<int>{3, 4, 2, 5, 1});
    CHECK(places({2, 2, 2}) == std::vector<int>{1, 2, 3});
    CHECK(places({0, nan, infinity, nan, -infinity, 0}) == std::vector<int>{4, 1, 3, 2, 6, 5});
    CHECK(hits({1, 2}, -1, 5) == 0);
    CHECK(hits({1, 2}, 2, 5) == 0);
  });
}

TEST_CASE("accumulate_sum: stays precise over many values and repeats bit for bit") {
  const std::int64_t size = 300007;
  const std::vector<double> values = random_values(size, 9, 0.0, 1.0);
  const Tensor x = make_tensor(cpu(), {size}, DType::f64, values);
  Tensor expected = Tensor::zeros(cpu(), {1}, DType::f64);
  kernels::accumulate_sum(x, 1.0, expected);
  double plain = 0.0;
  for (const double value : values) plain += value;
  CHECK(difference(expected.to_doubles(), {plain}).relative <= 1e-12);
  std::vector<Context*> contexts = {&cpu()};
  const std::vector<NamedContext> gpus = gpu_contexts();
  contexts.push_back(gpus.front().context.get());
  for (Context* context : contexts) {
    const Tensor in = make_tensor(*context, {size}, DType::f32, values);
    Tensor first = Tensor::zeros(*context, {1}), second = Tensor::zeros(*context, {1});
    kernels::accumulate_sum(in, 1.0, first);
    kernels::accumulate_sum(in, 1.0, second);
    CHECK(difference(first.to_doubles(), expected.to_doubles()).relative <= 2e-6);
    CHECK(bit_equal(first, second));
  }
}

TEST_CASE("segment_abs_sums: adds the magnitudes of each range and a wrong range gives NaN") {
  on_every_backend([](Context& context) {
    std::vector<double> values(64 * 5);
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = i % 2 ? -static_cast<double>(i / 64) : static_cast<double>(i / 64);
    const Tensor x = make_tensor(context, {64 * 5}, DType::f32, values);
    const auto starts = [&](const std::vector<std::int32_t>& at) {
      return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(at.size())}, at);
    };
    Tensor sums = make_tensor(context, {4}, DType::f32, {0.5, 0.0, 7.0, -1.0});
    kernels::segment_abs_sums(x, starts({0, 2, 3, 3, 5}), sums);
    CHECK(sums.to_doubles() == std::vector<double>{0.5 + 64.0, 128.0, 7.0, -1.0 + 64.0 * 7.0});
    for (const std::vector<std::int32_t>& wrong : {std::vector<std::int32_t>{-1, 2, 3}, {0, 6, 5}, {3, 2, 5}}) {
      Tensor two = Tensor::zeros(context, {2});
      kernels::segment_abs_sums(x, starts(wrong), two);
      CHECK(std::isnan(two.to_doubles()[0]));
    }
  });
}

TEST_CASE("reduce: shapes and types that do not fit are refused") {
  const Tensor x = random_tensor(cpu(), {2, 3}, DType::f32, 1);
  Tensor pair(cpu(), {2}), count(cpu(), {1}, DType::i32), at(cpu(), {2}, DType::i32);
  CHECK_THROWS_WITH_AS(kernels::accumulate_sum(x, 1.0, pair), "accumulate_sum: y must be f32 [1], got f32 [2] on cpu",
                       ShapeError);
  CHECK_THROWS_AS(kernels::broadcast(pair, 1.0, pair), ShapeError);
  CHECK_THROWS_AS(kernels::argmax(x, pair), ShapeError);
  CHECK_THROWS_AS(kernels::argmax(Tensor(cpu(), {2, 0}), at), ShapeError);
  CHECK_THROWS_AS(kernels::count_correct(x, count, count), ShapeError);
  CHECK_THROWS_AS(kernels::count_top(x, count, 5, count), ShapeError);
  CHECK_THROWS_WITH_AS(kernels::count_top(x, at, 0, count), "count_top: k must be at least 1, got 0", ConfigError);
  const Tensor arena = Tensor::zeros(cpu(), {128}), starts = Tensor::zeros(cpu(), {3}, DType::i32);
  Tensor sums(cpu(), {2}), wide(cpu(), {2}, DType::f64);
  CHECK_THROWS_WITH_AS(kernels::segment_abs_sums(Tensor(cpu(), {65}), starts, sums),
                       "segment_abs_sums: x must be [P], P a multiple of 64, got f32 [65] on cpu", ShapeError);
  CHECK_THROWS_WITH_AS(kernels::segment_abs_sums(arena, at, sums), "segment_abs_sums: starts must be i32 [3], got i32 [2] on cpu", ShapeError);
  CHECK_THROWS_AS(kernels::segment_abs_sums(arena, starts, wide), ShapeError);
}

}  // namespace pliant::test
