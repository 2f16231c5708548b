// What the table of operations does not show: golden values of PyTorch, running statistics, refused inputs, large
// means.
#include "kernels/batch_norm.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/parameter.h"
#include "layers/functional.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Tensor wave(const Shape& shape, double step, double start) {
  std::vector<double> values;
  for (std::int64_t i = 0; i < shape.size(); ++i) values.push_back(std::sin(step * static_cast<double>(i) + start));
  return make_tensor(cpu(), shape, DType::f64, values);
}

Tensor vector_of(Context& context, DType dtype, const std::vector<double>& values) {
  return make_tensor(context, {static_cast<std::int64_t>(values.size())}, dtype, values);
}

void check_close(const Tensor& actual, const std::vector<double>& expected, double tolerance = 1e-12) {
  const Difference distance = difference(actual.to_doubles(), expected);
  INFO(distance.where);
  CHECK(distance.relative <= tolerance);
}

// One unit per channel: scale, shift and statistics of a layer that has learnt nothing yet.
struct Layer {
  Layer(Context& context, std::int64_t c, DType dtype = DType::f32)
      : scale(vector_of(context, dtype, std::vector<double>(static_cast<std::size_t>(c), 1.0))),
        shift(Tensor::zeros_like(scale)) {
    state.running_mean = Tensor::zeros_like(scale);
    state.running_variance = scale.clone();
  }
  Tensor scale, shift;
  BatchNormState state;
};

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& error) {
    return error.what();
  }
  return "nothing thrown";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

// From torch 1.13: relu(batch_norm(x, running_mean, running_var, scale, shift, training, momentum=0.3, eps=1e-3) +
// residual).
TEST_CASE("batch norm: values and gradients equal those of PyTorch") {
  struct Golden {
    bool train;
    std::vector<double> y, running_mean, running_variance, dx, dresidual, dscale, dshift;
  };
  const Golden golden[] = {
      {true,
       {1.45457629340846, 0.792011077048648, 1.39253093266847, 2.25988592561329, 0, 0, 1.36518947213113, 0, 0,
        1.14366547102122},
       {0.342623374333386, -0.69119943446514},
       {1.57524625127908, 0.532997928214254},
       {0.620230444299283, -0.237671683725526, -2.01123299509366, -0.0896974272511316, 0.34637263961682,
        0.226827568907616, 0.53683043593537, 0.178369206264164, 0.507799475242184, -0.0778276641951217},
       {0.29552020666134, 0.675463180551151, -0.977530117665097, 0.311541363513379, 0, 0, 0.327474439137695, 0, 0,
        0.343314928819899},
       {0.566609207359144, 0.285041383712455},
       {-0.354535471866063, 1.33031947288443}},
      {false,
       {0.328016358471416, 0.0730286770230125, 0.76138936449188, 1.5243080733249, 0, 0, 0, 0, 0, 0.413201899211572},
       {0.5, -1},
       {2, 0.5},
       {0.313368180906906, -0.47714768605906, -1.03656815286905, -0.220073047639399, 0, 0, 0, 0, 0, -0.242517917471507},
       {0.29552020666134, 0.675463180551151, -0.977530117665097, 0.311541363513379, 0, 0, 0, 0, 0, 0.343314928819899},
       {0.312490336293492, 2.21621761354274},
       {-0.682009911003757, 1.33031947288443}}};
  for (const Golden& g : golden) {
    CAPTURE(g.train);
    Tape tape;
    const Var x = tape.leaf(wave({5, 2}, 1.3, 0.5)), residual = tape.leaf(wave({5, 2}, 0.7, 0.1));
    const Var scale = tape.leaf(vector_of(cpu(), DType::f64, {1.5, -0.5})),
              shift = tape.leaf(vector_of(cpu(), DType::f64, {0.25, 0.75}));
    const BatchNormState state{vector_of(cpu(), DType::f64, {0.5, -1.0}), vector_of(cpu(), DType::f64, {2.0, 0.5}), 0.3,
                               1e-3};
    const Var y = (g.train ? batch_norm_train : batch_norm_infer)(x, scale, shift, state, Activation::relu, residual);
    tape.backward({{y, wave({5, 2}, 2.1, 0.3)}});
    check_close(y.value, g.y);
    check_close(state.running_mean, g.running_mean);
    check_close(state.running_variance, g.running_variance);
    check_close(tape.gradient(x), g.dx);
    check_close(tape.gradient(residual), g.dresidual);
    check_close(tape.gradient(scale), g.dscale);
    check_close(tape.gradient(shift), g.dshift);
  }
}

// Two values 1 and 5: mean 3, variance of the batch 4, unbiased 8.
TEST_CASE("batch norm: the running variance is unbiased and the one that normalises is not") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    Layer layer(*device.context, 1);
    layer.state.momentum = 0.25;
    const Var y = batch_norm_train({vector_of(*device.context, DType::f32, {1.0, 5.0}).reshape({2, 1})}, {layer.scale},
                                   {layer.shift}, layer.state);
    check_close(layer.state.running_mean, {0.75}, 1e-6);
    check_close(layer.state.running_variance, {0.75 + 0.25 * 8.0}, 1e-6);
    check_close(y.value, {-2.0 / std::sqrt(4.0 + 1e-5), 2.0 / std::sqrt(4.0 + 1e-5)}, 1e-6);
  }
}

TEST_CASE("batch norm: inference leaves the running statistics as they are") {
  Layer layer(cpu(), 3);
  const Tensor mean = layer.state.running_mean.clone(), variance = layer.state.running_variance.clone();
  Tape tape;
  const Var x = tape.leaf(random_tensor(cpu(), {4, 3}, DType::f32, 1));
  tape.backward(batch_norm_infer(x, tape.leaf(layer.scale), tape.leaf(layer.shift), layer.state));
  CHECK(bit_equal(mean, layer.state.running_mean));
  CHECK(bit_equal(variance, layer.state.running_variance));
}

TEST_CASE("batch norm: gradients of parameters are added and frozen ones stay out") {
  const Tensor x = random_tensor(cpu(), {6, 5}, DType::f64, 1), dy = random_tensor(cpu(), {6, 5}, DType::f64, 2);
  Layer layer(cpu(), 5, DType::f64);
  const auto gradients = [&](const Tensor& dscale_before, const Tensor& dshift_before) {
    Tensor mean = Tensor::like(layer.scale), inverse = Tensor::like(mean), y = Tensor::like(x), dx = Tensor::like(x),
           none;
    Tensor dscale = dscale_before ? dscale_before.clone() : Tensor(), dshift = dshift_before.clone();
    kernels::batch_norm_train(x, layer.scale, layer.shift, {}, Activation::identity, 0.1, 1e-5,
                              layer.state.running_mean, layer.state.running_variance, mean, inverse, y);
    kernels::batch_norm_backward(dy, x, {}, layer.scale, mean, inverse, Activation::identity, dx, dscale, dshift, none);
    return std::pair{dscale, dshift};
  };
  const Tensor zeros = Tensor::zeros_like(layer.scale), before = random_tensor(cpu(), {5}, DType::f64, 3);
  const auto [dscale, dshift] = gradients(zeros, zeros);
  const auto [more_dscale, more_dshift] = gradients(before, before);
  for (std::size_t c = 0; c < 5; ++c) {
    CHECK(more_dscale.to_doubles()[c] ==
          doctest::Approx(before.to_doubles()[c] + dscale.to_doubles()[c]).epsilon(1e-12));
    CHECK(more_dshift.to_doubles()[c] ==
          doctest::Approx(before.to_doubles()[c] + dshift.to_doubles()[c]).epsilon(1e-12));
  }
  const auto [none, alone] = gradients({}, zeros);
  CHECK_FALSE(none);
  CHECK(bit_equal(alone, dshift));
}

// The variance must not be the small difference of two large numbers. The first value of a channel may be far off too.
TEST_CASE("batch norm: a mean far above the deviation costs no accuracy") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  std::vector<double> values;
  for (const double noise : random_values(1400 * 3, 5, -1.7, 1.7)) values.push_back(static_cast<float>(1e4 + noise));
  values[0] = 9000.0;
  const Shape shape{1400, 3};
  const auto run = [&](Context& context, DType dtype) {
    Layer layer(context, 3, dtype);
    const Var y =
        batch_norm_train({make_tensor(context, shape, dtype, values)}, {layer.scale}, {layer.shift}, layer.state);
    return std::pair{y.value.to_doubles(), layer.state.running_variance.to_doubles()};
  };
  const auto [y, variance] = run(cpu(), DType::f64);
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    const auto [y32, variance32] = run(*device.context, DType::f32);
    CHECK(difference(y32, y).relative <= 1e-3);
    CHECK(difference(variance32, variance).relative <= 1e-5);
  }
}

TEST_CASE("batch norm: many rows in float equal double and do not depend on the number of threads") {
  const Shape shape{2, 31, 67, 17};  // 70618 values: several parts, run in parallel
  const auto run = [&](Context& context, DType dtype) {
    Tape tape;
    const Var x = tape.leaf(random_tensor(context, shape, dtype, 1)),
              residual = tape.leaf(random_tensor(context, shape, dtype, 2));
    const Var scale = tape.leaf(random_tensor(context, {17}, dtype, 3)),
              shift = tape.leaf(random_tensor(context, {17}, dtype, 4));
    const Layer layer(context, 17, dtype);
    const Var y = batch_norm_train(x, scale, shift, layer.state, Activation::relu, residual);
    tape.backward({{y, random_tensor(context, shape, dtype, 5)}});
    return std::vector<Tensor>{y.value,
                               layer.state.running_mean,
                               layer.state.running_variance,
                               tape.gradient(x),
                               tape.gradient(residual),
                               tape.gradient(scale),
                               tape.gradient(shift)};
  };
  ContextOptions one_thread, two_threads;
  one_thread.threads = 1, two_threads.threads = 2;
  Context one(Device::cpu, one_thread);
  const std::vector<Tensor> expected = run(cpu(), DType::f64), alone = run(one, DType::f32);
  Context two(Device::cpu, two_threads);
  const std::vector<Tensor> shared = run(two, DType::f32);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(alone[i], expected[i]).relative <= 1e-5);
    CHECK(bit_equal(alone[i], shared[i]));
  }
}

TEST_CASE("batch norm: a constant channel becomes the shift") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    Layer layer(*device.context, 2);
    const Var y = batch_norm_train({make_tensor(*device.context, {40, 2}, DType::f32, std::vector<double>(80, 0.1))},
                                   {layer.scale}, {vector_of(*device.context, DType::f32, {3.0, -2.0})}, layer.state);
    std::vector<double> expected;
    for (int i = 0; i < 40; ++i) expected.insert(expected.end(), {3.0, -2.0});
    check_close(y.value, expected, 1e-4);  // the rounding of the mean, 4e-9, over the root of epsilon
  }
}

TEST_CASE("batch norm: NaN in one channel stays in it") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    Layer layer(*device.context, 2);
    const Var y = batch_norm_train({make_tensor(*device.context, {3, 2}, DType::f32, {1, 2, std::nan(""), 4, 5, 7})},
                                   {layer.scale}, {layer.shift}, layer.state, Activation::relu);
    const std::vector<double> values = y.value.to_doubles();
    for (std::size_t i = 0; i < values.size(); ++i) CHECK(std::isnan(values[i]) == (i % 2 == 0));
  }
}

TEST_CASE("batch norm: one value per channel is refused in training and fine in inference") {
  Layer layer(cpu(), 4);
  const Tensor x = random_tensor(cpu(), {1, 1, 1, 4}, DType::f32, 1), before = layer.state.running_mean.clone();
  const std::string message =
      message_of<ShapeError>([&] { batch_norm_train({x}, {layer.scale}, {layer.shift}, layer.state); });
  CHECK(contains(message, "batch_norm_train"));
  CHECK(contains(message, "[1, 1, 1, 4] has 1 value(s) per channel"));
  CHECK(bit_equal(layer.state.running_mean, before));
  CHECK(batch_norm_infer({x}, {layer.scale}, {layer.shift}, layer.state).value.shape() == x.shape());
}

TEST_CASE("batch norm: an empty batch passes through inference and its gradient") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const NamedContext& device : contexts) {
    CAPTURE(device.name);
    Layer layer(*device.context, 4);
    Tape tape;
    const Var x = tape.leaf(Tensor(*device.context, {0, 2, 2, 4})), scale = tape.leaf(layer.scale);
    tape.backward(batch_norm_infer(x, scale, tape.leaf(layer.shift), layer.state));
    check_close(tape.gradient(scale), {0, 0, 0, 0});
    CHECK(tape.gradient(x).shape() == x.value.shape());
  }
}

TEST_CASE("batch norm: wrong arguments are refused with what is wrong") {
  Layer layer(cpu(), 4), narrow(cpu(), 3), wide(cpu(), 4, DType::f64);
  const Tensor x = random_tensor(cpu(), {5, 4}, DType::f32, 1);
  const auto train = [&](const Tensor& in, const Tensor& scale, BatchNormState state, Activation f,
                         const Tensor& residual) {
    batch_norm_train({in}, {scale}, {layer.shift}, state, f, {residual});
  };
  const auto refused = [&](auto... arguments) { return message_of<ShapeError>([&] { train(arguments...); }); };
  CHECK(contains(refused(x, narrow.scale, layer.state, Activation::relu, Tensor()),
                 "needs scale [4] of f32, got [3]"));
  CHECK(contains(refused(x, wide.scale, layer.state, Activation::relu, Tensor()),
                 "needs scale [4] of f32, got [4] of f64"));
  CHECK(contains(refused(x, layer.scale, narrow.state, Activation::relu, Tensor()), "running_mean"));
  CHECK(contains(refused(x, layer.scale, layer.state, Activation::relu, x.reshape({4, 5})), "batch_norm"));
  const auto unfit = [&](auto... arguments) { return message_of<ConfigError>([&] { train(arguments...); }); };
  CHECK(contains(unfit(x, layer.scale, layer.state, Activation::tanh, Tensor()), "identity and relu alone, got tanh"));
  layer.state.epsilon = 0.0;
  CHECK(contains(unfit(x, layer.scale, layer.state, Activation::relu, Tensor()), "epsilon must be above 0, got 0"));
  layer.state.epsilon = 1e-5, layer.state.momentum = 1.5;
  CHECK(
      contains(unfit(x, layer.scale, layer.state, Activation::relu, Tensor()), "momentum must lie in [0, 1], got 1.5"));
  Tensor in_place = x;
  CHECK(contains(message_of<ShapeError>([&] {
                   kernels::batch_norm_infer(x, layer.scale, layer.shift, {}, Activation::relu, 1e-5,
                                             layer.state.running_mean, layer.state.running_variance, in_place);
                 }),
                 "y may not be x"));
}

}  // namespace pliant::test
