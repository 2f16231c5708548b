// What the table of operations does not show: golden values of PyTorch, output sizes, ties and NaN, refused inputs.
#include "kernels/pool.h"

#include <doctest/doctest.h>

#include <cmath>

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

void check_close(const Tensor& actual, const std::vector<double>& expected, double tolerance = 1e-12) {
  const Difference distance = difference(actual.to_doubles(), expected);
  INFO(distance.where);
  CHECK(distance.relative <= tolerance);
}

std::vector<NamedContext> every_context() {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  return contexts;
}

template <class F>
std::string refused(F&& f) {
  try {
    f();
  } catch (const ShapeError& error) {
    return error.what();
  }
  return "nothing thrown";
}

bool contains(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

// From torch 1.13: max_pool2d(x, 3, 2, 1, ceil_mode=True, return_indices=True).
TEST_CASE("max pool: values and gradients equal those of PyTorch") {
  const PoolGeometry geometry{3, 2, 1, true};
  Tape tape;
  const Var x = tape.leaf(wave({1, 6, 5, 1}, 1.3, 0.5)), y = max_pool(x, geometry);
  REQUIRE(y.value.shape() == Shape({1, 4, 3, 1}));
  check_close(y.value, {0.973847630878195, 0.973847630878195, -0.358229282236827, 0.912945250727628, 0.902171833756293,
                        0.0672080725254749, 0.999911860107267, 0.637422596150239, 0.480204780438259, 0.999911860107267,
                        0.254682332844028, 0.480204780438259});
  tape.backward({{y, wave({1, 4, 3, 1}, 2.1, 0.3)}});
  check_close(tape.gradient(x), {0,
                                 0.97098338721249,
                                 0,
                                 0,
                                 0,
                                 0,
                                 0.662969230082182,
                                 0,
                                 0,
                                 -0.977530117665097,
                                 0,
                                 0,
                                 0,
                                 0,
                                 0,
                                 0.311541363513379,
                                 0.650287840157115,
                                 0,
                                 0,
                                 -0.980936230066492,
                                 0,
                                 0,
                                 0,
                                 0,
                                 0,
                                 0.670789367957593,
                                 0.637422596150239,
                                 0,
                                 0,
                                 -1.97098056320229});
  Tensor again = Tensor::like(y.value), chosen(cpu(), y.value.shape(), DType::i32);
  kernels::max_pool_forward(x.value, geometry, again, chosen);
  CHECK(chosen.to_host<std::int32_t>() == std::vector<std::int32_t>{1, 1, 9, 15, 6, 19, 25, 16, 29, 25, 26, 29});
}

// From torch 1.13: avg_pool2d(x, 3, 2, 1, ceil_mode=True, count_include_pad=...). The last windows reach beyond the
// padding.
TEST_CASE("average pool: both rules of counting equal those of PyTorch") {
  struct Golden {
    bool count_padding;
    std::vector<double> y, dx;
  };
  const Golden golden[] = {
      {true,
       {0.33471462243972, -0.0226405534834549, -0.317328128003373, 0.522395863697765, -0.19244160797403,
        -0.374613039006346, 0.471229517230808, -0.370204370167486, -0.186936280895753, 0.209099032158549,
        -0.220952016501598, -0.0394220404537331},
       {0.0328355785179266, 0.10788704302361,  0.0750514645056834, -0.0335629930126607, -0.108614457518344,
        0.0674512855749687, 0.216165997867561, 0.148714712292593,  -0.068892659677584,  -0.217607371970177,
        0.0346157070570421, 0.108278954843951, 0.0736632477869091, -0.0353296666649233, -0.108992914451832,
        0.0710017558501193, 0.21691920809893,  0.145917452248811,  -0.0724160183232042, -0.218333470572015,
        0.0363860487930772, 0.108640253254979, 0.0722542044619017, -0.0370863516582809, -0.109340556120183,
        0.0936052035963937, 0.272096507416669, 0.178491303820275,  -0.0953351786533493, -0.273826482473624}},
      {false,
       {0.75310790048937, -0.0339608302251824, -0.71398828800759, 0.783593795546648, -0.19244160797403,
        -0.561919558509519, 0.706844275846212, -0.370204370167486, -0.28040442134363, 0.627297096475648,
        -0.441904033003195, -0.118266121361199},
       {0.0738800516653349, 0.18645724842386,  0.112577196758525,  -0.131805332657749,  -0.244382529416274,
        0.125803612250898,  0.312044056796332, 0.186240444545434,  -0.221631456548589,  -0.407871901094023,
        0.0519235605855631, 0.125586808372472, 0.0736632477869091, -0.0898261238908395, -0.163489371677749,
        0.106502633775179,  0.25242008602399,  0.145917452248811,  -0.181582753609212,  -0.327500205858023,
        0.0545790731896158, 0.126833277651518, 0.0722542044619017, -0.0917566297183722, -0.164010834180274,
        0.226236537599565,  0.510964940778213, 0.284728403178648,  -0.372740210061951,  -0.657468613240599}}};
  for (const Golden& g : golden) {
    CAPTURE(g.count_padding);
    Tape tape;
    const Var x = tape.leaf(wave({1, 6, 5, 1}, 1.3, 0.5)), y = average_pool(x, {3, 2, 1, true, g.count_padding});
    check_close(y.value, g.y);
    tape.backward({{y, wave({1, 4, 3, 1}, 2.1, 0.3)}});
    check_close(tape.gradient(x), g.dx);
  }
}

TEST_CASE("pooling: output sizes") {
  const PoolGeometry up{2, 2, 0, true}, down{2, 2};
  // The sizes of a BranchyNet LeNet, whose convolutions of 5x5 add 2: 28 -> 30 -> 15 -> 17 -> 9 -> 11 -> 6.
  CHECK(up.output_size(30) == 15);
  CHECK(up.output_size(17) == 9);
  CHECK(up.output_size(11) == 6);
  CHECK(up.output_size(15) == 8);
  CHECK(up.output_size(1) == 1);
  CHECK(down.output_size(17) == 8);
  CHECK(PoolGeometry{3, 2}.output_size(32) == 15);
  CHECK(PoolGeometry{3, 2, 0, true}.output_size(32) == 16);
  CHECK(PoolGeometry{3, 2, 1}.output_size(224) == 112);
  CHECK(PoolGeometry{6, 1}.output_size(8) == 3);
  CHECK(PoolGeometry{2, 2, 1, true}.output_size(3) ==
        2);  // a third window would start in the padding: left out, as in PyTorch
  CHECK(PoolGeometry{1, 3, 0, true}.output_size(5) == 2);
  CHECK(pool_output_shape({7, 17, 30, 5}, up) == Shape({7, 9, 15, 5}));
}

TEST_CASE("max pool: the first of equals wins and so does NaN") {
  const double nan = std::nan("");
  for (const NamedContext& device : every_context()) {
    CAPTURE(device.name);
    const Tensor x = make_tensor(*device.context, {1, 2, 8, 1}, DType::f32,
                                 {4, 4, 1, 2, 9, nan, nan, 1, 4, 4, 3, 3, 5, nan, 6, nan});
    Tensor y(*device.context, {1, 1, 4, 1}), chosen(*device.context, {1, 1, 4, 1}, DType::i32), dx = Tensor::like(x);
    kernels::max_pool_forward(x, {2, 2}, y, chosen);
    CHECK(chosen.to_host<std::int32_t>() == std::vector<std::int32_t>{0, 10, 5, 6});
    const std::vector<double> values = y.to_doubles();
    CHECK(values[0] == 4.0);
    CHECK(values[1] == 3.0);
    CHECK(std::isnan(values[2]));
    CHECK(std::isnan(values[3]));
    kernels::max_pool_backward(make_tensor(*device.context, {1, 1, 4, 1}, DType::f32, {1, 2, 3, 4}), chosen, {2, 2},
                               dx);
    CHECK(dx.to_doubles() == std::vector<double>{1, 0, 0, 0, 0, 3, 4, 0, 0, 0, 2, 0, 0, 0, 0, 0});
  }
}

TEST_CASE("max pool: padding never wins over negative values") {
  for (const NamedContext& device : every_context()) {
    CAPTURE(device.name);
    const Tensor x = make_tensor(*device.context, {1, 2, 2, 1}, DType::f32, {-4, -3, -2, -1});
    Tensor y(*device.context, {1, 1, 1, 1}), chosen(*device.context, {1, 1, 1, 1}, DType::i32);
    kernels::max_pool_forward(x, {3, 2, 1}, y, chosen);
    CHECK(y.to_doubles() == std::vector<double>{-1});
  }
}

TEST_CASE("pooling: large batches in float equal double") {
  const Shape shape{5, 14, 15, 40};  // large enough for several threads
  const auto run = [&](DType dtype) {
    Tape tape;
    const Var x = tape.leaf(random_tensor(cpu(), shape, dtype, 1));
    const Var a = max_pool(x, {3, 2, 1, true}), b = average_pool(x, {3, 2, 1, true, false}), c = global_average_pool(x);
    tape.backward({{a, random_tensor(cpu(), a.value.shape(), dtype, 2)},
                   {b, random_tensor(cpu(), b.value.shape(), dtype, 3)},
                   {c, {}}});
    return std::vector<Tensor>{a.value, b.value, c.value, tape.gradient(x)};
  };
  const std::vector<Tensor> actual = run(DType::f32), expected = run(DType::f64);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(difference(actual[i], expected[i]).relative <= 1e-5);
  }
}

TEST_CASE("pooling: an empty batch stays empty") {
  for (const NamedContext& device : every_context()) {
    CAPTURE(device.name);
    Tape tape;
    const Var x = tape.leaf(Tensor(*device.context, {0, 4, 4, 3}));
    const Var y = global_average_pool(average_pool(max_pool(x, {2, 2}), {2, 1}));
    CHECK(y.value.shape() == Shape({0, 3}));
    tape.backward(y);
    CHECK(tape.gradient(x).shape() == x.value.shape());
  }
}

TEST_CASE("pooling: what does not fit is refused") {
  const Tensor x = random_tensor(cpu(), {1, 4, 4, 2}, DType::f32, 1);
  Tensor y(cpu(), {1, 2, 2, 2}), wrong(cpu(), {1, 2, 3, 2}), chosen(cpu(), {1, 2, 2, 2});
  CHECK(contains(refused([&] { max_pool({x}, {3, 2, 2}); }), "padding must lie between 0 and half the size 3, got 2"));
  CHECK(contains(refused([&] { max_pool({x}, {0, 1}); }), "size and stride must be at least 1, got 0 and 1"));
  CHECK(contains(refused([&] { average_pool({x}, {5, 1}); }), "4 pixels with padding 0 are too few for windows of 5"));
  CHECK(contains(refused([&] { average_pool({x.reshape({8, 4})}, {2, 2}); }), "needs [N, H, W, C]"));
  CHECK(contains(refused([&] {
                   global_average_pool({x.reshape({8, 4})});
                 }),
                 "global_average_pool: needs [N, H, W, C]"));
  CHECK(contains(refused([&] {
                   kernels::average_pool_forward(x, {2, 2}, wrong);
                 }),
                 "x [1, 4, 4, 2] needs y [1, 2, 2, 2], got [1, 2, 3, 2]"));
  CHECK(contains(refused([&] {
                   kernels::max_pool_forward(x, {2, 2}, y, chosen);
                 }),
                 "chosen must be i32 [1, 2, 2, 2], got f32"));
}

}  // namespace pliant::test
