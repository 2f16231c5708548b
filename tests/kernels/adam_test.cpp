#include "kernels/adam.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/memory_ops.h"
#include "kernels/elementwise.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"

namespace pliant::test {

namespace {

struct Constants {
  double rate = 0.1, beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;
};

// One segment of 64 weights, of which the tests look at the first few; the others are the padding of an arena.
struct Arena {
  Context& context;
  DType dtype;
  Tensor w, m, v, mask, copy;
  int steps = 0;

  Arena(Context& on, DType type, std::vector<double> weights) : context(on), dtype(type) {
    weights.resize(64);
    w = make_tensor(context, {64}, dtype, weights);
    m = Tensor::zeros(context, {64}, dtype);
    v = Tensor::zeros(context, {64}, dtype);
  }

  void step(std::vector<double> slopes, const Constants& c = {}, std::vector<double> rule = {1, 0, 0, -1}) {
    ++steps;
    slopes.resize(64);
    const std::vector<double> scalars = {c.rate, c.beta1, c.beta2, c.epsilon, 1.0 - std::pow(c.beta1, steps), 1.0 - std::pow(c.beta2, steps),
                                         1.0};
    kernels::adam_step(w, make_tensor(context, {64}, dtype, slopes), m, v, make_tensor(context, {1, 4}, dtype, rule), mask,
                       Tensor::from_host<double>(context, {7}, scalars), copy);
  }
  double weight(std::size_t i) const { return w.to_doubles()[i]; }
};

void check_weights(const Arena& arena, const std::vector<double>& expected, double tolerance) {
  for (std::size_t i = 0; i < expected.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(arena.weight(i) - expected[i]) <= tolerance);
  }
}

}  // namespace

TEST_CASE("adam_step: three steps equal the formula evaluated by hand") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    const std::vector<std::vector<double>> expected = {{0.900000002, -1.9000000039999998, -0.09999999200000065, 0.599999999},
                                                       {0.8034818006385094, -1.8034818038591953, -0.19651818969943272, 0.5947368411578948},
                                                       {0.7076816791153657, -1.707681683222735, -0.2923183085625265, 0.6283161766154594}};
    Arena arena(context, dtype, {1.0, -2.0, 0.0, 0.5});
    for (int k = 1; k <= 3; ++k) {
      arena.step({0.5 * k, -0.25 * k, 0.125 * k, k % 2 ? -1.0 : 1.0});
      check_weights(arena, expected[static_cast<std::size_t>(k - 1)], 2 * tolerance);
    }
  });
}

TEST_CASE("adam_step: decay is part of the gradient and so of both means") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0, -2.0, 0.0, 0.5});
    for (int k = 1; k <= 3; ++k) arena.step({0.5 * k, -0.25 * k, 0.125 * k, k % 2 ? -1.0 : 1.0}, {}, {1, 0.01, 0, -1});
    check_weights(arena, {0.7074532792690138, -1.7068504856611353, -0.2924019698318648, 0.6272525815211175}, 2 * tolerance);
  });
}

TEST_CASE("adam_step: a constant gradient moves every weight by the rate g over g and epsilon") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0, -2.0, 0.0});
    for (int k = 1; k <= 4; ++k) {
      arena.step({0.5, -0.25, 0.125}, {0.05, 0.8, 0.9, 0.01});
      check_weights(arena, {1.0 - k * 0.05 * 0.5 / 0.51, -2.0 + k * 0.05 * 0.25 / 0.26, -k * 0.05 * 0.125 / 0.135}, 2 * tolerance);
    }
    CHECK(std::abs(arena.m.to_doubles()[0] - 0.5 * (1.0 - std::pow(0.8, 4))) <= tolerance);
    CHECK(std::abs(arena.v.to_doubles()[0] - 0.25 * (1.0 - std::pow(0.9, 4))) <= tolerance);
  });
}

TEST_CASE("adam_step: the l1 penalty pulls to zero and leaves zero alone") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0, -1.0, 0.0});
    arena.step({}, {0.5, 0.9, 0.999, 0.1}, {1, 0, 0.1, -1});
    check_weights(arena, {0.75, -0.75}, tolerance);  // half of the rate: g and epsilon are both 0.1
    CHECK(arena.weight(2) == 0.0);
  });
}

TEST_CASE("adam_step: a frozen segment keeps weights and both means and padding stays zero") {
  on_every_backend([](Context& context, DType dtype, double) {
    Arena arena(context, dtype, {1.0, -1.0, 0.5});
    arena.step({3.0, 3.0, 3.0}, {}, {1, 0.1, 0.1, -1});
    for (std::size_t i = 3; i < 64; ++i) CHECK(arena.weight(i) == 0.0);
    const Tensor w = arena.w.clone(), m = arena.m.clone(), v = arena.v.clone();
    arena.step({3.0, 3.0, 3.0}, {}, {0, 0.1, 0.1, -1});
    CHECK(bit_equal(arena.w, w));
    CHECK(bit_equal(arena.m, m));
    CHECK(bit_equal(arena.v, v));
  });
}

TEST_CASE("adam_step: a masked weight becomes exactly zero and stays there") {
  on_every_backend([](Context& context, DType dtype, double) {
    Arena arena(context, dtype, {1.0, 1.0});
    arena.step({0.5, 0.5});  // the means are not zero when the mask comes
    std::vector<double> keep(64, 1.0);
    keep[0] = 0.0;
    arena.mask = make_tensor(context, {64}, dtype, keep);
    for (int i = 0; i < 3; ++i) {
      const double before = arena.weight(1);
      arena.step({0.5, 0.5}, {}, {1, 0.01, 0.01, -1});
      CHECK(arena.weight(0) == 0.0);
      CHECK(arena.weight(1) < before);
    }
  });
}

TEST_CASE("adam_step: the factor of a segment multiplies the rate") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0});
    arena.step({1.0}, {0.1, 0.9, 0.999, 1.0}, {0.25, 0, 0, -1});
    CHECK(std::abs(arena.weight(0) - 0.9875) <= tolerance);
  });
}

TEST_CASE("adam_step: arenas that do not fit are refused") {
  Arena arena(cpu(), DType::f32, {1.0});
  const Tensor rules = make_tensor(cpu(), {1, 4}, DType::f32, {1, 0, 0, -1});
  const Tensor scalars = Tensor::zeros(cpu(), {7}, DType::f64), two = Tensor::zeros(cpu(), {2}, DType::f64);
  Tensor odd(cpu(), {65}), empty, none, wide = Tensor::zeros(cpu(), {64}, DType::f64);
  CHECK_THROWS_WITH_AS(kernels::adam_step(odd, odd, odd, odd, rules, {}, scalars, none),
                       "adam_step: w must be [P], P a multiple of 64, got f32 [65] on cpu", ShapeError);
  CHECK_THROWS_AS(kernels::adam_step(arena.w, odd, arena.m, arena.v, rules, {}, scalars, none), ShapeError);
  CHECK_THROWS_WITH_AS(kernels::adam_step(arena.w, arena.w, empty, arena.v, rules, {}, scalars, none), "adam_step: m is missing", ShapeError);
  CHECK_THROWS_WITH_AS(kernels::adam_step(arena.w, arena.w, arena.m, wide, rules, {}, scalars, none),
                       "adam_step: v must be f32 [64], got f64 [64] on cpu", ShapeError);
  CHECK_THROWS_AS(kernels::adam_step(arena.w, arena.w, arena.m, arena.v, odd, {}, scalars, none), ShapeError);
  CHECK_THROWS_AS(kernels::adam_step(arena.w, arena.w, arena.m, arena.v, rules, odd, scalars, none), ShapeError);
  CHECK_THROWS_WITH_AS(kernels::adam_step(arena.w, arena.w, arena.m, arena.v, rules, {}, two, none),
                       "adam_step: scalars must be f64 [7], got f64 [2] on cpu", ShapeError);
}

TEST_CASE("adam_step: views that do not start at 16 bytes are refused on a GPU") {
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    const Tensor arena = Tensor::zeros(*gpu.context, {68}), rules = Tensor::zeros(*gpu.context, {1, 4});
    const Tensor scalars = Tensor::zeros(*gpu.context, {7}, DType::f64);
    Tensor none, whole = arena.view(0, {64}), shifted = arena.view(1, {64});
    CHECK_THROWS_WITH_AS(kernels::adam_step(whole, whole, whole, shifted, rules, {}, scalars, none),
                         "adam_step: v must start at a multiple of 16 bytes", ShapeError);
  }
}

TEST_CASE("adam_step: the copy is w rounded to nearest even and the gradient is multiplied by its factor") {
  const std::vector<NamedContext> contexts = gpu_contexts();
  for (Context* context : {&cpu(), contexts.front().context.get()}) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      CAPTURE(dtype);
      Arena arena(*context, DType::f32, {0.3, -1.7, 2.5}), alone(*context, DType::f32, {0.3, -1.7, 2.5});
      const Tensor rules = make_tensor(*context, {1, 4}, DType::f32, {1, 0, 0, -1});
      const Tensor slopes = random_tensor(*context, {64}, DType::f32, 5);
      Tensor doubled = Tensor::like(slopes), copy(*context, {64}, dtype), expected(*context, {64}, dtype), none;
      kernels::scale(slopes, 2.0, doubled);
      const auto scalars = [&](double times) {
        return Tensor::from_host<double>(*context, {7}, std::vector<double>{0.01, 0.9, 0.999, 1e-8, 0.1, 0.001, times});
      };
      kernels::adam_step(arena.w, doubled, arena.m, arena.v, rules, {}, scalars(0.5), copy);
      kernels::adam_step(alone.w, slopes, alone.m, alone.v, rules, {}, scalars(1.0), none);
      kernels::cast(arena.w, expected);
      CHECK(bit_equal(copy, expected));
      CHECK(bit_equal(arena.w, alone.w));
    }
  }
}

}  // namespace pliant::test
