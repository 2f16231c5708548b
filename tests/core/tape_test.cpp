#include "core/tape.h"

#include <doctest/doctest.h>

#include "core/parameter.h"
#include "layers/functional.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Tensor vector(const std::vector<double>& values) { return make_tensor(cpu(), {static_cast<std::int64_t>(values.size())}, DType::f64, values); }

}  // namespace

TEST_CASE("tape: contributions to one value are summed") {
  Tape tape;
  const Var x = tape.leaf(vector({1, 2}));
  const Var y = add(add(x, x), scale(x, 3.0));
  tape.backward(y);
  CHECK(tape.gradient(x).to_doubles() == std::vector<double>{5, 5});
  CHECK(tape.steps() == 0);
}

TEST_CASE("tape: one gradient given to two slots is not changed through either") {
  Tape tape;
  const Var a = tape.leaf(vector({1})), b = tape.leaf(vector({2}));
  const Var sum = add(a, b);              // hands the same dy to a and b
  tape.backward({{sum, {}}, {scale(a, 10.0), {}}});
  CHECK(tape.gradient(a).to_doubles() == std::vector<double>{11});
  CHECK(tape.gradient(b).to_doubles() == std::vector<double>{1});
}

TEST_CASE("tape: several roots with their own gradients") {
  Tape tape;
  const Var x = tape.leaf(vector({1, 1}));
  const Var first = scale(x, 2.0), second = scale(x, 5.0);
  tape.backward({{first, vector({1, 0})}, {second, vector({0, 1})}});
  CHECK(tape.gradient(x).to_doubles() == std::vector<double>{2, 5});
}

TEST_CASE("tape: what the roots do not reach has no gradient and is not computed") {
  Tape tape;
  const Var x = tape.leaf(vector({1})), unused = tape.leaf(vector({1}));
  scale(unused, 2.0);
  tape.backward(scale(x, 2.0));
  CHECK_FALSE(static_cast<bool>(tape.gradient(unused)));
}

TEST_CASE("tape: nothing is recorded for constants and without a tape") {
  Tape tape;
  const Var constant{vector({1}), &tape};
  CHECK(scale(constant, 2.0).slot.index == -1);
  CHECK(tape.steps() == 0);
  CHECK(scale(Var{vector({1})}, 2.0).tape == nullptr);
}

TEST_CASE("tape: what is taken from a slot no longer counts") {
  Tape tape;
  const Var x = tape.leaf(vector({1, 2})), constant{vector({1, 2}), &tape};
  const Var y = scale(x, 3.0);
  Tensor taken, nothing;
  Var z{y.value, &tape, tape.record("halves", [&, in = y.slot, of = constant.slot](const Tensor& dy, Gradients& grads) {
          taken = grads.take(in);
          nothing = grads.take(of);
          grads.add(in, dy);
        })};
  tape.backward({{scale(y, 5.0), {}}, {z, vector({0, 1})}});
  CHECK(taken.to_doubles() == std::vector<double>{5, 5});
  CHECK_FALSE(static_cast<bool>(nothing));
  CHECK(tape.gradient(x).to_doubles() == std::vector<double>{0, 3});
}

TEST_CASE("tape: inputs of two tapes are refused") {
  Tape one, two;
  CHECK_THROWS_WITH_AS(add(one.leaf(vector({1})), two.leaf(vector({1}))), doctest::Contains("two tapes"), ShapeError);
  CHECK_THROWS_AS(one.backward(two.leaf(vector({1}))), ShapeError);
}

TEST_CASE("tape: gradients of parameters accumulate over tapes until they are zeroed") {
  ParameterStore store;
  Parameter& w = store.add("w", Role::bias, {2});
  store.allocate(cpu(), DType::f64);
  for (int round = 1; round <= 2; ++round) {
    Tape tape;
    const Var once = tape.parameter(w), again = tape.parameter(w);
    CHECK(once.slot.index == again.slot.index);
    tape.backward(add(once, scale(again, 2.0)));
    CHECK(w.grad.to_doubles() == std::vector<double>{3.0 * round, 3.0 * round});
  }
  store.gradients().zero();
  CHECK(w.grad.to_doubles() == std::vector<double>{0, 0});
}

TEST_CASE("tape: a frozen parameter gets no gradient") {
  ParameterStore store;
  Parameter& w = store.add("w", Role::bias, {1});
  store.allocate(cpu(), DType::f64);
  w.frozen = true;
  Tape tape;
  CHECK(scale(tape.parameter(w), 2.0).slot.index == -1);
  CHECK(tape.steps() == 0);
}

}  // namespace pliant::test
