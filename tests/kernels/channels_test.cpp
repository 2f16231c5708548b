#include "kernels/channels.h"

#include <doctest/doctest.h>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Tensor indices(Context& context, const std::vector<std::int32_t>& values) {
  return Tensor::from_host<std::int32_t>(context, {static_cast<std::int64_t>(values.size())}, values);
}

template <class Body>
void on_every_backend(Body&& body) {
  body(cpu());
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    body(*gpu.context);
  }
}

}  // namespace

TEST_CASE("gather_channels: minus one gives zero and the scatter zeroes what nobody reads") {
  on_every_backend([](Context& context) {
    const Tensor x = make_tensor(context, {2, 3}, DType::f32, {1, 2, 3, 4, 5, 6}),
                 index = indices(context, {2, -1, 0, -1});
    Tensor y(context, {2, 4}), dx(context, {2, 3});
    kernels::gather_channels(x, index, y);
    CHECK(y.to_doubles() == std::vector<double>{3, 0, 1, 0, 6, 0, 4, 0});
    kernels::scatter_channels(y, index, dx);
    CHECK(dx.to_doubles() == std::vector<double>{1, 0, 3, 4, 0, 6});
  });
}

TEST_CASE("concat_channels: lays the parts side by side and the split takes them back") {
  on_every_backend([](Context& context) {
    const std::vector<Tensor> parts = {make_tensor(context, {2, 1}, DType::f32, {1, 2}),
                                       make_tensor(context, {2, 2}, DType::f32, {3, 4, 5, 6}), Tensor(context, {2, 0})};
    Tensor y(context, {2, 3});
    kernels::concat_channels(parts, y);
    CHECK(y.to_doubles() == std::vector<double>{1, 3, 4, 2, 5, 6});
    std::vector<Tensor> back = {Tensor(context, {2, 1}), Tensor(context, {2, 2}), Tensor(context, {2, 0})};
    kernels::split_channels(y, back);
    for (std::size_t i = 0; i < 2; ++i) CHECK(bit_equal(back[i], parts[i]));
  });
}

TEST_CASE("mask_channels: works in place") {
  on_every_backend([](Context& context) {
    Tensor x = make_tensor(context, {2, 3}, DType::f32, {1, 2, 3, 4, 5, 6});
    kernels::mask_channels(x, make_tensor(context, {3}, DType::f32, {1, 0, 1}), x);
    CHECK(x.to_doubles() == std::vector<double>{1, 0, 3, 4, 0, 6});
  });
}

TEST_CASE("channel_sum: adds to what is there") {
  on_every_backend([](Context& context) {
    const Tensor x = make_tensor(context, {2, 1, 2, 2}, DType::f32, {1, 10, 2, 20, 3, 30, 4, 40});
    Tensor sums = make_tensor(context, {2}, DType::f32, {0.5, -1});
    kernels::channel_sum(x, sums);
    CHECK(sums.to_doubles() == std::vector<double>{10.5, 99});
  });
}

TEST_CASE("channel_sum: stays precise over many rows and gives the same bits for any number of threads") {
  const std::int64_t rows = 200001, c = 3;
  const Tensor x = random_tensor(cpu(), {rows, c}, DType::f64, 5, 0.0, 1.0);
  const std::vector<double> values = x.to_doubles();
  Tensor expected = Tensor::zeros(cpu(), {c}, DType::f64);
  kernels::channel_sum(x, expected);
  std::vector<Tensor> results;
  for (const int threads : {1, 2}) {
    ContextOptions options;
    options.threads = threads;
    Context context(Device::cpu, options);
    Tensor sums = Tensor::zeros(context, {c});
    kernels::channel_sum(make_tensor(context, {rows, c}, DType::f32, values), sums);
    CHECK(difference(sums, expected).relative <= 1e-6);
    results.push_back(sums.to(cpu()));
  }
  CHECK(bit_equal(results[0], results[1]));
}

TEST_CASE("channels: indices outside and taken twice and shapes that do not fit are refused") {
  const Tensor x = random_tensor(cpu(), {2, 3}, DType::f32, 1);
  Tensor y(cpu(), {2, 2}), wide(cpu(), {2, 5}), sums(cpu(), {2});
  CHECK_THROWS_WITH_AS(kernels::gather_channels(x, indices(cpu(), {0, 3}), y),
                       "gather_channels: index[1] = 3 is outside -1..2", ShapeError);
  CHECK_THROWS_WITH_AS(kernels::gather_channels(x, indices(cpu(), {1, 1}), y),
                       "gather_channels: channel 1 is taken twice, by index[0] and index[1]", ShapeError);
  CHECK_THROWS_AS(kernels::gather_channels(x, indices(cpu(), {-2, 1}), y), ShapeError);
  CHECK_THROWS_AS(kernels::gather_channels(x, indices(cpu(), {1}), y), ShapeError);
  CHECK_THROWS_AS(kernels::scatter_channels(x, indices(cpu(), {0, 3}), wide), ShapeError);
  CHECK_THROWS_AS(kernels::mask_channels(x, sums, y), ShapeError);
  CHECK_THROWS_AS(kernels::concat_channels({}, y), ShapeError);
  CHECK_THROWS_AS(kernels::concat_channels({x, x}, wide), ShapeError);
  CHECK_THROWS_AS(kernels::concat_channels({x, Tensor(cpu(), {1, 2})}, wide), ShapeError);
  CHECK_THROWS_AS(kernels::channel_sum(x, sums), ShapeError);
}

}  // namespace pliant::test
