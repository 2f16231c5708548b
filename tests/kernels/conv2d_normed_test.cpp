// Convolution with batch normalisation behind it, beyond the table of operations: it is the two one after another, and what statistics from
// sums can hold.
#include "kernels/conv2d_normed.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/batch_norm.h"
#include "kernels/gpu/batch_norm_sums.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

// One normalisation: what it reads beside x, and what it leaves.
struct Normed {
  Normed(Context& context, std::int64_t c, Shape shape, DType dtype)
      : scale(random_tensor(context, {c}, DType::f32, 3, 0.5, 1.5)),
        shift(random_tensor(context, {c}, DType::f32, 4)),
        running_mean(random_tensor(context, {c}, DType::f32, 5)),
        running_variance(random_tensor(context, {c}, DType::f32, 6, 0.5, 2.0)),
        mean(Tensor::like(scale)),
        inverse_deviation(Tensor::like(scale)),
        z(context, shape, dtype),
        y(Tensor::like(z)) {}

  void convolve(const Tensor& x, const Tensor& w, const Conv2dGeometry& geometry, const Tensor& residual) {
    kernels::conv2d_batch_norm_train(x, w, geometry, scale, shift, residual, Activation::relu, 0.3, 1e-3, running_mean, running_variance, mean,
                                     inverse_deviation, z, y);
  }
  void normalise(const Tensor& x, const Tensor& residual) {
    kernels::batch_norm_train(x, scale, shift, residual, Activation::relu, 0.3, 1e-3, running_mean, running_variance, mean, inverse_deviation, y);
  }
  void normalise_of_sums(const Tensor& x, const Tensor& sum, const Tensor& squares) {
    kernels::gpu::batch_norm_train_of_sums(x, sum, squares, scale, shift, {}, Activation::identity, 0.3, 1e-3, running_mean, running_variance,
                                           mean, inverse_deviation, y);
  }
  std::vector<Tensor> results() const { return {y, mean, inverse_deviation, running_mean, running_variance}; }

  Tensor scale, shift, running_mean, running_variance, mean, inverse_deviation, z, y;
};

// In f32, as a library takes them: rows in blocks, the blocks one after another.
struct Sums {
  Sums(Context& context, const std::vector<double>& x, std::int64_t c) {
    constexpr std::size_t kBlock = 128;
    const auto channels = static_cast<std::size_t>(c);
    std::vector<float> all(channels), squares(channels);
    for (std::size_t first = 0; first < x.size(); first += kBlock * channels) {
      std::vector<float> part(channels), part_squares(channels);
      for (std::size_t i = first; i < std::min(x.size(), first + kBlock * channels); ++i) {
        const auto value = static_cast<float>(x[i]);
        part[i % channels] += value, part_squares[i % channels] += value * value;
      }
      for (std::size_t k = 0; k < channels; ++k) all[k] += part[k], squares[k] += part_squares[k];
    }
    sum = Tensor::from_host<float>(context, {c}, all), sum_of_squares = Tensor::from_host<float>(context, {c}, squares);
  }
  Tensor sum, sum_of_squares;
};

template <class F>
std::string refusal(F&& f) {
  try {
    f();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "";
}

bool contains(const std::string& text, const char* part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("conv2d and batch norm: bit for bit the two one after another where no library does more") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    Context& context = *device.context;
    for (const int groups : {1, 2, 6}) {
      CAPTURE(groups);
      const Conv2dGeometry geometry{1, 1, 1, groups};
      const Tensor x = random_tensor(context, {2, 4, 3, 6}, DType::f32, 1), w = random_tensor(context, {6, 3, 3, 6 / groups}, DType::f32, 2);
      const Tensor residual = random_tensor(context, x.shape(), DType::f32, 7);
      Normed joint(context, 6, x.shape(), DType::f32), apart(context, 6, x.shape(), DType::f32);
      joint.convolve(x, w, geometry, residual);
      (groups == 6 ? kernels::depthwise_conv2d_forward : kernels::conv2d_forward)(x, w, {}, geometry, apart.z);
      apart.normalise(apart.z, residual);
      CHECK(bit_equal(joint.z, apart.z));
      for (std::size_t i = 0; i < joint.results().size(); ++i) CHECK(bit_equal(joint.results()[i], apart.results()[i]));
    }
  }
}

// The rounding of y is what the statistics must stay below: beside a mean of r deviations they lose r^2 times the error of f32 sums.
TEST_CASE("batch norm of sums: exact enough for 16 bits up to a mean of 32 deviations in f16 and of 128 in bf16") {
  constexpr std::int64_t kRows = 1500, kChannels = 9;
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    Context& context = *gpu.context;
    for (const auto& [dtype, most] : {std::pair{DType::f16, 32.0}, {DType::bf16, 128.0}}) {
      for (const double ratio : {0.0, 1.0, -8.0, most}) {
        CAPTURE(dtype);
        CAPTURE(ratio);
        std::vector<double> values = random_values(kRows * kChannels, 1, -std::sqrt(3.0), std::sqrt(3.0));  // deviation 1
        for (double& value : values) value += ratio;
        const Tensor x = make_tensor(context, {kRows, kChannels}, dtype, values);
        const Sums sums(context, x.to_doubles(), kChannels);
        Normed of_sums(context, kChannels, x.shape(), dtype), whole(context, kChannels, x.shape(), dtype);
        of_sums.normalise_of_sums(x, sums.sum, sums.sum_of_squares);
        kernels::batch_norm_train(x, whole.scale, whole.shift, {}, Activation::identity, 0.3, 1e-3, whole.running_mean, whole.running_variance,
                                  whole.mean, whole.inverse_deviation, whole.y);
        const double error = difference(of_sums.inverse_deviation, whole.inverse_deviation).relative;
        CHECK(error <= 4.0 * ratio * ratio * 0x1p-24 + 1e-6);
        CHECK(error <= roundoff(dtype));
        CHECK(difference(of_sums.mean, whole.mean).relative <= 1e-5);
        CHECK(difference(of_sums.running_mean, whole.running_mean).relative <= 1e-5);
        CHECK(difference(of_sums.running_variance, whole.running_variance).relative <= 2.0 * roundoff(dtype));
        CHECK(difference(of_sums.y, whole.y).relative <= 2.0 * roundoff(dtype));
      }
    }
  }
}

TEST_CASE("batch norm of sums: a constant channel has variance 0 and NaN stays in its channel") {
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    Context& context = *gpu.context;
    std::vector<double> values;
    for (int row = 0; row < 300; ++row) values.insert(values.end(), {1000.5, row == 7 ? std::nan("") : 1.0, static_cast<double>(row % 3)});
    const Tensor x = make_tensor(context, {300, 3}, DType::f16, values);
    const Sums sums(context, x.to_doubles(), 3);
    Normed normed(context, 3, x.shape(), DType::f16);
    normed.normalise_of_sums(x, sums.sum, sums.sum_of_squares);
    const std::vector<double> y = normed.y.to_doubles(), shift = normed.shift.to_doubles(), inverse = normed.inverse_deviation.to_doubles();
    CHECK(inverse[0] <= 1.0 / std::sqrt(1e-3) * (1.0 + 1e-6));
    CHECK(std::abs(y[0] - shift[0]) < 0.02);
    CHECK(std::isnan(y[1]));
    CHECK(inverse[2] == doctest::Approx(1.0 / std::sqrt(2.0 / 3.0 + 1e-3)).epsilon(1e-5));
    CHECK(std::isfinite(y[2]));
  }
}

TEST_CASE("conv2d and batch norm: what does not fit is refused with its name") {
  const Tensor x = random_tensor(cpu(), {2, 4, 4, 4}, DType::f32, 1), w = random_tensor(cpu(), {4, 3, 3, 4}, DType::f32, 2);
  const Conv2dGeometry geometry{1, 1, 1, 1};
  const auto refused = [&](auto change) {
    Normed normed(cpu(), 4, x.shape(), DType::f32);
    Tensor residual = random_tensor(cpu(), x.shape(), DType::f32, 7);
    change(normed, residual);
    return refusal([&] { normed.convolve(x, w, geometry, residual); });
  };
  CHECK(refused([](Normed&, Tensor&) {}) == "");
  CHECK(contains(refused([&](Normed& n, Tensor&) { n.z = x; }), "conv2d_batch_norm_train: z may not be x"));
  CHECK(contains(refused([&](Normed& n, Tensor&) { n.y = x; }), "conv2d_batch_norm_train: y may not be x"));
  CHECK(contains(refused([](Normed& n, Tensor&) { n.y = n.z; }), "conv2d_batch_norm_train: y may not be z"));
  CHECK(contains(refused([](Normed& n, Tensor& residual) { n.y = residual; }), "y may not be the residual"));
  CHECK(contains(refused([](Normed& n, Tensor&) { n.z = Tensor(cpu(), {2, 2, 2, 4}); }), "y must be [2, 4, 4, 4], it is [2, 2, 2, 4]"));
  CHECK(contains(refused([](Normed& n, Tensor&) { n.scale = Tensor(cpu(), {3}); }), "needs scale [4] of f32, got [3]"));
  for (const NamedContext& gpu : gpu_contexts()) {
    Normed normed(*gpu.context, 4, {8, 4}, DType::f16);
    const Tensor rows(*gpu.context, {8, 4}, DType::f16), sum(*gpu.context, {4}), narrow(*gpu.context, {3});
    CHECK(contains(refusal([&] { normed.normalise_of_sums(rows, narrow, sum); }), "sum must be f32 [4]"));
    CHECK(contains(refusal([&] { normed.normalise_of_sums(rows, sum, narrow); }), "sum_of_squares must be f32 [4]"));
  }
}

#if defined(PLIANT_WITH_CUDA)
TEST_CASE("conv2d and batch norm: the fastest plan of 16 bits equals the two one after another") {
  for (const DType dtype : {DType::f16, DType::bf16}) {
    CAPTURE(dtype);
    Context timed(Device::cuda, {.timed_plans = true}), plain(Device::cuda);
    const Shape shape{16, 16, 16, 32}, filters{32, 3, 3, 32};
    const auto run = [&](Context& context) {
      Normed normed(context, 32, shape, dtype);
      normed.convolve(random_tensor(context, shape, dtype, 1), random_tensor(context, filters, dtype, 2), {1, 1, 1, 1},
                      random_tensor(context, shape, dtype, 7));
      return normed.results();
    };
    const std::vector<Tensor> actual = run(timed), expected = run(plain);
    for (std::size_t i = 0; i < actual.size(); ++i) {
      CAPTURE(i);
      CHECK(difference(actual[i].to_doubles(), expected[i].to_doubles()).relative <= 4.0 * roundoff(dtype));
    }
  }
}
#endif

}  // namespace pliant::test
