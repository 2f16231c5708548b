#include "kernels/sgd.h"

#include <doctest/doctest.h>

#include "core/memory_ops.h"
#include "tests/support/backends.h"
#include "tests/support/compare.h"

namespace pliant::test {

namespace {

// One segment of 64 weights, of which the tests look at the first few; the others are the padding of an arena.
struct Arena {
  Context& context;
  DType dtype;
  Tensor w, gradient, v, mask, copy;

  Arena(Context& on, DType type, std::vector<double> weights, std::vector<double> slopes) : context(on), dtype(type) {
    weights.resize(64), slopes.resize(64);
    w = make_tensor(context, {64}, dtype, weights);
    gradient = make_tensor(context, {64}, dtype, slopes);
    v = Tensor::zeros(context, {64}, dtype);
  }

  void step(double rate, double momentum, bool nesterov, std::vector<double> rule = {1, 0, 0, -1}) {
    const Tensor scalars = Tensor::from_host<double>(context, {3}, std::vector<double>{rate, momentum, 1.0});
    kernels::sgd_step(w, gradient, v, make_tensor(context, {1, 4}, dtype, rule), mask, scalars, nesterov, copy);
  }
  double weight(std::size_t i) const { return w.to_doubles()[i]; }
};

}  // namespace

TEST_CASE("sgd_step: Nesterov gives the published golden values") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0}, {0.5});
    for (const double expected : {0.905, 0.7695, 0.59755}) {
      arena.step(0.1, 0.9, true);
      CHECK(std::abs(arena.weight(0) - expected) <= tolerance);
    }
  });
}

TEST_CASE("sgd_step: momentum and weight decay equal PyTorch over three steps") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    const std::vector<double> plain = {0.5191847489999999, -1.751184573, -0.11880251250000001, -0.4532227005000001};
    const std::vector<double> nesterov = {0.26489045819099993, -1.620392580807, -0.1817686107375, -0.9581664353295};
    for (const bool with_nesterov : {false, true}) {
      Arena arena(context, dtype, {1.0, -2.0, 0.0, 0.5}, {});
      for (int k = 1; k <= 3; ++k) {
        arena.gradient = make_tensor(context, {4}, dtype, {0.5 * k, -0.25 * k, 0.125 * k, 1.0 * k});
        std::vector<double> slopes = arena.gradient.to_doubles();
        slopes.resize(64);
        arena.gradient = make_tensor(context, {64}, dtype, slopes);
        arena.step(0.1, 0.9, with_nesterov, {1, 0.01, 0, -1});
      }
      for (std::size_t i = 0; i < 4; ++i) {
        CHECK(std::abs(arena.weight(i) - (with_nesterov ? nesterov : plain)[i]) <= 2 * tolerance);
      }
    }
  });
}

TEST_CASE("sgd_step: without momentum it is gradient descent and the velocity is the gradient") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0, -1.0}, {2.0, 0.5});
    arena.step(0.25, 0.0, false);
    CHECK(std::abs(arena.weight(0) - 0.5) <= tolerance);
    CHECK(std::abs(arena.weight(1) + 1.125) <= tolerance);
    CHECK(arena.v.to_doubles()[0] == 2.0);
  });
}

TEST_CASE("sgd_step: the l1 penalty pulls to zero and leaves zero alone") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0, -1.0, 0.0}, {});
    arena.step(0.5, 0.0, false, {1, 0, 0.1, -1});
    CHECK(std::abs(arena.weight(0) - 0.95) <= tolerance);
    CHECK(std::abs(arena.weight(1) + 0.95) <= tolerance);
    CHECK(arena.weight(2) == 0.0);
  });
}

TEST_CASE("sgd_step: a frozen segment keeps weights and velocity and padding stays zero") {
  on_every_backend([](Context& context, DType dtype, double) {
    Arena arena(context, dtype, {1.0, -1.0, 0.5}, {3.0, 3.0, 3.0});
    arena.step(0.1, 0.9, true, {1, 0.1, 0.1, -1});
    const Tensor w = arena.w.clone(), v = arena.v.clone();
    for (std::size_t i = 3; i < 64; ++i) CHECK(arena.weight(i) == 0.0);
    arena.step(0.1, 0.9, true, {0, 0.1, 0.1, -1});
    CHECK(bit_equal(arena.w, w));
    CHECK(bit_equal(arena.v, v));
  });
}

TEST_CASE("sgd_step: a masked weight becomes exactly zero and stays there") {
  on_every_backend([](Context& context, DType dtype, double) {
    for (const bool nesterov : {false, true}) {
      Arena arena(context, dtype, {1.0, 1.0}, {0.5, 0.5});
      arena.step(0.1, 0.9, nesterov);  // the velocity is not zero when the mask comes
      std::vector<double> keep(64, 1.0);
      keep[0] = 0.0;
      arena.mask = make_tensor(context, {64}, dtype, keep);
      for (int i = 0; i < 3; ++i) {
        arena.step(0.1, 0.9, nesterov, {1, 0.01, 0.01, -1});
        CHECK(arena.weight(0) == 0.0);
        CHECK(arena.weight(1) < 1.0);
        CHECK(arena.weight(1) != 0.0);
      }
    }
  });
}

TEST_CASE("sgd_step: the factor of a segment multiplies the rate") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0}, {1.0});
    arena.step(0.1, 0.0, false, {0.25, 0, 0, -1});
    CHECK(std::abs(arena.weight(0) - 0.975) <= tolerance);
  });
}

TEST_CASE("sgd_step: the proximal update gives the published golden values") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {1.0}, {0.5});
    for (const double expected : {0.9031, 0.76489, 0.589501}) {
      arena.step(0.1, 0.9, true, {1, 0, 0, 0.01});
      CHECK(std::abs(arena.weight(0) - expected) <= tolerance);
    }
    for (std::size_t i = 1; i < 64; ++i) CHECK(arena.weight(i) == 0.0);
  });
}

TEST_CASE("sgd_step: the proximal update without a gradient shrinks to exactly zero and stays there") {
  on_every_backend([](Context& context, DType dtype, double) {
    Arena arena(context, dtype, {1.0, 0.01}, {});
    double before = 1.0;
    int steps = 0;
    for (; arena.weight(0) != 0.0 && steps < 200; ++steps) {
      arena.step(0.1, 0.9, false, {1, 0.5, 0.5, 0.1});  // neither decay nor l1 has a part in it
      CHECK(arena.weight(0) < before);
      CHECK(arena.weight(0) >= 0.0);
      before = arena.weight(0);
    }
    CHECK(steps > 10);
    CHECK(steps < 40);
    for (int i = 0; i < 30; ++i) {
      arena.step(0.1, 0.9, false, {1, 0, 0, 0.1});
      CHECK(arena.weight(0) == 0.0);
      CHECK(arena.weight(1) == 0.0);
    }
  });
}

TEST_CASE("sgd_step: the proximal update never gives a negative weight and comes back from zero by the gradient") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena arena(context, dtype, {0.2}, {40.0});
    arena.step(0.1, 0.9, false, {1, 0, 0, 0.01});
    CHECK(arena.weight(0) == 0.0);
    Arena still(context, dtype, {0.0}, {-0.5});
    still.step(0.1, 0.0, false, {1, 0, 0, 0.01});  // z = 0.05 - 0.001
    CHECK(std::abs(still.weight(0) - 0.049) <= tolerance);
  });
}

TEST_CASE("sgd_step: the proximal update without momentum and penalty is gradient descent") {
  on_every_backend([](Context& context, DType dtype, double tolerance) {
    Arena proximal(context, dtype, {1.0, 0.75}, {2.0, -0.5}), plain(context, dtype, {1.0, 0.75}, {2.0, -0.5});
    for (int i = 0; i < 3; ++i) {
      proximal.step(0.1, 0.0, true, {1, 0, 0, 0});
      plain.step(0.1, 0.0, false);
      for (std::size_t k = 0; k < 2; ++k) CHECK(std::abs(proximal.weight(k) - plain.weight(k)) <= tolerance);
    }
  });
}

TEST_CASE("sgd_step: a masked factor is exactly zero through the proximal update") {
  on_every_backend([](Context& context, DType dtype, double) {
    Arena arena(context, dtype, {1.0, 1.0}, {-0.5, -0.5});
    arena.step(0.1, 0.9, true, {1, 0, 0, 0.01});
    std::vector<double> keep(64, 1.0);
    keep[0] = 0.0;
    arena.mask = make_tensor(context, {64}, dtype, keep);
    for (int i = 0; i < 20; ++i) {
      arena.step(0.1, 0.9, true, {1, 0, 0, 0.01});
      CHECK(arena.weight(0) == 0.0);
      CHECK(arena.weight(1) > 1.0);
    }
  });
}

TEST_CASE("sgd_step: arenas that do not fit are refused") {
  Arena arena(cpu(), DType::f32, {1.0}, {1.0});
  const Tensor rules = make_tensor(cpu(), {1, 4}, DType::f32, {1, 0, 0, -1});
  const Tensor scalars = Tensor::from_host<double>(cpu(), {3}, std::vector<double>{0.1, 0.9, 1.0});
  const Tensor float_scalars = make_tensor(cpu(), {3}, DType::f32, {0.1, 0.9, 1.0});
  Tensor odd(cpu(), {65}), empty, none;
  CHECK_THROWS_WITH_AS(kernels::sgd_step(odd, odd, odd, rules, {}, scalars, false, none),
                       "sgd_step: w must be [P], P a multiple of 64, got f32 [65] on cpu", ShapeError);
  CHECK_THROWS_AS(kernels::sgd_step(arena.w, odd, arena.v, rules, {}, scalars, false, none), ShapeError);
  CHECK_THROWS_AS(kernels::sgd_step(arena.w, arena.gradient, empty, rules, {}, scalars, false, none), ShapeError);
  CHECK_THROWS_AS(kernels::sgd_step(arena.w, arena.gradient, arena.v, scalars, {}, scalars, false, none), ShapeError);
  CHECK_THROWS_AS(kernels::sgd_step(arena.w, arena.gradient, arena.v, rules, odd, scalars, false, none), ShapeError);
  CHECK_THROWS_AS(kernels::sgd_step(arena.w, arena.gradient, arena.v, rules, {}, float_scalars, false, none), ShapeError);
  Tensor wide = Tensor::zeros_like(arena.w), longer(cpu(), {128}, DType::bf16);
  CHECK_THROWS_WITH_AS(kernels::sgd_step(arena.w, arena.gradient, arena.v, rules, {}, scalars, false, wide),
                       "sgd_step: the copy of w must be bf16 or f16 beside f32, of the shape of w; w is f32 [64] on cpu, the copy f32 [64] on cpu",
                       ShapeError);
  CHECK_THROWS_AS(kernels::sgd_step(arena.w, arena.gradient, arena.v, rules, {}, scalars, false, longer), ShapeError);
}

TEST_CASE("sgd_step: the copy is w rounded to nearest even and the gradient is multiplied by its factor") {
  const std::vector<NamedContext> contexts = gpu_contexts();
  for (Context* context : {&cpu(), contexts.front().context.get()}) {
    for (const DType dtype : {DType::bf16, DType::f16}) {
      CAPTURE(dtype);
      Arena arena(*context, DType::f32, {0.3, -1.7, 2.5}, {4.0, 8.0, -2.0}), alone(*context, DType::f32, {0.3, -1.7, 2.5}, {1.0, 2.0, -0.5});
      const Tensor rules = make_tensor(*context, {1, 4}, DType::f32, {1, 0, 0, -1});
      Tensor copy(*context, {64}, dtype), expected(*context, {64}, dtype), none;
      kernels::sgd_step(arena.w, arena.gradient, arena.v, rules, {}, Tensor::from_host<double>(*context, {3}, std::vector<double>{0.1, 0.9, 0.25}), true, copy);
      kernels::sgd_step(alone.w, alone.gradient, alone.v, rules, {}, Tensor::from_host<double>(*context, {3}, std::vector<double>{0.1, 0.9, 1.0}), true, none);
      kernels::cast(arena.w, expected);
      CHECK(bit_equal(copy, expected));
      CHECK(bit_equal(arena.w, alone.w));
    }
  }
}

}  // namespace pliant::test
