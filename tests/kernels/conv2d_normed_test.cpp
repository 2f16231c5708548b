// Convolution with batch normalisation behind it, beyond the table of operations: it is the two one after another, and what statistics from
// sums can hold.
#include "kernels/conv2d_normed.h"

#include <doctest/doctest.h>

#include <cmath>

#include "kernels/batch_norm.h"
#include "kernels/gpu/batch_norm_sums.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#if defined(PLIANT_WITH_CUDA)
#include "kernels/gpu/cudnn_convolutions.h"
#include "kernels/gpu/library_tensors.h"
#endif

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
    for (const DType dtype : {DType::f16, DType::bf16}) {
      const double most = dtype == DType::f16 ? 32.0 : 128.0;
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

namespace {

// The terms by which a tensor [..., c] is normalised before it is convolved.
struct Terms {
  Terms(Context& context, std::int64_t c)
      : mean(random_tensor(context, {c}, DType::f32, 73)),
        variance(random_tensor(context, {c}, DType::f32, 74, 0.5, 2.0)),
        scale(random_tensor(context, {c}, DType::f32, 75)),
        shift(random_tensor(context, {c}, DType::f32, 76)) {}
  Tensor mean, variance, scale, shift;
};

}  // namespace

TEST_CASE("conv2d_normed: a chain of two convolutions never writes what lies between them and computes the same") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    Context& context = *device.context;
    const Conv2dGeometry geometry{1, 1, 1, 1};
    const Tensor x = random_tensor(context, {2, 5, 4, 3}, DType::f32, 1), first = random_tensor(context, {6, 3, 3, 3}, DType::f32, 2);
    const Tensor second = random_tensor(context, {4, 3, 3, 6}, DType::f32, 8);
    Normed between(context, 6, {2, 5, 4, 6}, DType::f32), last(context, 4, {2, 5, 4, 4}, DType::f32);
    between.convolve(x, first, geometry, {});
    last.convolve(between.y, second, geometry, {});

    Tensor z1 = Tensor::like(between.z), z2 = Tensor::like(last.z), mean = Tensor::like(between.mean), variance = Tensor::like(mean);
    Tensor mean2 = Tensor::like(last.mean), variance2 = Tensor::like(mean2);
    kernels::conv2d_normed(x, {}, {}, {}, {}, 1e-3, first, geometry, z1, mean, variance);
    kernels::conv2d_normed(z1, mean, variance, between.scale, between.shift, 1e-3, second, geometry, z2, mean2, variance2);
    CHECK(bit_equal(z1, between.z));
    CHECK(bit_equal(mean, between.mean));
    CHECK(difference(z2, last.z).relative <= 1e-5);
    CHECK(difference(mean2, last.mean).relative <= 1e-5);
    std::vector<double> inverse = variance2.to_doubles();
    for (double& value : inverse) value = 1.0 / std::sqrt(value + 1e-3);
    CHECK(difference(inverse, last.inverse_deviation.to_doubles()).relative <= 1e-5);
  }
}

TEST_CASE("conv2d_normed: moments of sums and factors in 16 bits are those that a library is given") {
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    Context& context = *gpu.context;
    const Tensor x = random_tensor(context, {700, 9}, DType::f16, 1);
    const Sums sums(context, x.to_doubles(), 9);
    Tensor mean(context, {9}), variance(context, {9}), mean_of_sums(context, {9}), variance_of_sums(context, {9});
    kernels::batch_moments(x, mean, variance);
    kernels::gpu::batch_moments_of_sums(x, sums.sum, sums.sum_of_squares, mean_of_sums, variance_of_sums);
    CHECK(difference(mean_of_sums, mean).relative <= 1e-5);
    CHECK(difference(variance_of_sums, variance).relative <= 1e-6);

    const Terms terms(context, 9);
    const std::vector<double> m = terms.mean.to_doubles(), v = terms.variance.to_doubles(), s = terms.scale.to_doubles(), b = terms.shift.to_doubles();
    std::vector<double> factors(9), offsets(9);
    for (std::size_t c = 0; c < 9; ++c) factors[c] = s[c] / std::sqrt(v[c] + 1e-3), offsets[c] = b[c] - factors[c] * m[c];
    for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
      Tensor factor(context, {9}, dtype), offset(context, {9}, dtype);
      kernels::gpu::affine_of_moments(terms.mean, terms.variance, terms.scale, terms.shift, 1e-3, factor, offset);
      CHECK(difference(factor.to_doubles(), factors).relative <= roundoff(dtype) + 1e-6);
      CHECK(difference(offset.to_doubles(), offsets).relative <= roundoff(dtype) + 1e-6);
    }
    Tensor wrong(context, {8}, DType::f16);
    CHECK(contains(refusal([&] { kernels::gpu::affine_of_moments(mean, variance, terms.scale, terms.shift, 1e-3, wrong, wrong); }), "must be f32 [8]"));
  }
}

TEST_CASE("conv2d_normed: what does not fit is refused with its name") {
  const Tensor x = random_tensor(cpu(), {2, 4, 4, 4}, DType::f32, 1), w = random_tensor(cpu(), {5, 3, 3, 4}, DType::f32, 2);
  const auto refused = [&](auto change) {
    Terms terms(cpu(), 4);
    Tensor z(cpu(), {2, 4, 4, 5}), z_mean(cpu(), {5}), z_variance(cpu(), {5});
    change(terms, z, z_mean, z_variance);
    return refusal([&] {
      kernels::conv2d_normed(x, terms.mean, terms.variance, terms.scale, terms.shift, 1e-3, w, {1, 1, 1, 1}, z, z_mean, z_variance);
    });
  };
  CHECK(refused([](Terms&, Tensor&, Tensor&, Tensor&) {}) == "");
  CHECK(contains(refused([](Terms& t, Tensor&, Tensor&, Tensor&) { t.shift = Tensor(); }), "conv2d_normed: shift is missing"));
  CHECK(contains(refused([](Terms& t, Tensor&, Tensor&, Tensor&) { t.variance = Tensor(cpu(), {5}); }), "conv2d_normed: variance must be f32 [4]"));
  CHECK(contains(refused([&](Terms&, Tensor& z, Tensor&, Tensor&) { z = x; }), "conv2d_normed: z may not be x"));
  CHECK(contains(refused([](Terms&, Tensor&, Tensor& m, Tensor&) { m = Tensor(cpu(), {4}); }), "batch_moments: x [2, 4, 4, 5] of f32 needs mean [5]"));
  CHECK(contains(refused([](Terms&, Tensor&, Tensor& m, Tensor& v) { v = m; }), "batch_moments: variance may not be mean"));
  const Terms terms(cpu(), 4);
  Tensor z(cpu(), {2, 4, 4, 5}), z_mean(cpu(), {5}), z_variance(cpu(), {5});
  CHECK_THROWS_WITH_AS(kernels::conv2d_normed(x, terms.mean, terms.variance, terms.scale, terms.shift, 0.0, w, {1, 1, 1, 1}, z, z_mean, z_variance),
                       doctest::Contains("epsilon must be above 0, got 0"), ConfigError);
}

#if defined(PLIANT_WITH_CUDA)
// Whatever would be chosen: all that could be.
TEST_CASE("conv2d_normed: every plan of every form computes the sums of the plain one") {
  const Shape shape{16, 15, 16, 32}, filters{48, 3, 3, 32}, result{16, 15, 16, 48};
  const Conv2dGeometry geometry{1, 1, 1, 1};
  for (const DType dtype : {DType::f16, DType::bf16}) {
    CAPTURE(dtype);
    Context context(Device::cuda);
    kernels::gpu::CudnnConvolutions& cudnn = context.attachment<kernels::gpu::CudnnConvolutions>();
    const Tensor x = random_tensor(context, shape, dtype, 1), w = random_tensor(context, filters, dtype, 2);
    const Terms terms(context, 32);
    Tensor factor(context, {32}, dtype), offset(context, {32}, dtype), sum(context, {48}), squares(context, {48});
    kernels::gpu::affine_of_moments(terms.mean, terms.variance, terms.scale, terms.shift, 1e-3, factor, offset);
    const auto address = [](const Tensor& tensor) { return kernels::gpu::readable("test", tensor); };
    for (const bool normed : {false, true}) {
      CAPTURE(normed);
      Tensor z(context, result, dtype), expected(context, result, dtype), mean(context, {48}), variance(context, {48});
      Tensor expected_mean = Tensor::like(mean), expected_variance = Tensor::like(mean);
      const auto term = [&](const Tensor& one) { return normed ? one : Tensor(); };
      kernels::conv2d_normed(x, term(terms.mean), term(terms.variance), term(terms.scale), term(terms.shift), 1e-3, w, geometry, expected,
                             expected_mean, expected_variance);
      const kernels::Conv2dSizes sizes = kernels::check_conv2d("test", x, w, {}, z, geometry);
      const kernels::gpu::ConvolutionAddresses at{.x = address(x), .w = address(w), .y = address(z), .sum = address(sum),
                                                  .sum_of_squares = address(squares), .factor = normed ? address(factor) : nullptr,
                                                  .offset = normed ? address(offset) : nullptr};
      const auto problem = kernels::gpu::problem_of(sizes, kernels::gpu::ConvolutionDirection::forward, dtype, at);
      std::size_t plans = 0;
      for (const kernels::gpu::ConvolutionForm& form : kernels::gpu::forms_of(problem)) {
        if (!form.sums || form.normalises != normed) continue;
        for (const kernels::gpu::ConvolutionPlan& plan : cudnn.plans(problem, form, 100, true)) {
          CAPTURE(plan.engine);
          ++plans;
          cudnn.execute(plan, at);
          kernels::gpu::batch_moments_of_sums(z, sum, squares, mean, variance);
          CHECK(difference(z, expected).relative <= 4.0 * roundoff(dtype));
          CHECK(difference(mean, expected_mean).relative <= 4.0 * roundoff(dtype));
          CHECK(difference(variance, expected_variance).relative <= 4.0 * roundoff(dtype));
        }
      }
      MESSAGE(plans << " plans that take sums in " << dtype << (normed ? ", normalising" : ""));
      if (dtype == DType::f16) CHECK(plans > 0);
    }
  }
}

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
