// A block in both states: what is told when, one output and one gradient.
#include "layers/block_states.h"

#include <doctest/doctest.h>

#include "layers/functional.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

Tensor vector(const std::vector<double>& values) { return make_tensor(cpu(), {static_cast<std::int64_t>(values.size())}, DType::f64, values); }

struct Told : BlockStates {
  bool both(int) const override { return true; }
  void begin(int block, bool open) override { events.push_back(cat(open ? "open " : "dropped ", block)); }
  void end() override { events.push_back("end"); }
  std::vector<std::string> events;
};

// y = relu(x + x / 2), or relu(x) alone.
Var block(Pass& pass, const Var& x) {
  return in_both_states(pass, x, 7, [](Pass&, const Var& in) { return activation(add(in, scale(in, 0.5)), Activation::relu); },
                        [](Pass&, const Var& in, const Tensor& y) { return activation(in, Activation::relu, y); });
}

const std::vector<std::string> kInTurn = {"open 7", "dropped 7", "end"};

}  // namespace

TEST_CASE("block states: both forms run in turn into one output and its gradient is that of the last") {
  Told told;
  Tape tape;
  Pass pass{.context = cpu(), .tape = &tape, .mode = Mode::train, .states = &told};
  const Var x = tape.leaf(vector({2, -1, 3}));
  const Var y = block(pass, x);
  CHECK(told.events == kInTurn);
  CHECK(y.value.to_doubles() == std::vector<double>{2, 0, 3});
  CHECK(tape.steps() == 1);
  told.events.clear();
  tape.backward({{scale(x, 10.0), {}}, {y, vector({1, 2, 4})}});
  CHECK(told.events == kInTurn);
  CHECK(tape.gradient(x).to_doubles() == std::vector<double>{11, 10, 14});
}

TEST_CASE("block states: what reached the input before is counted once") {
  Told told;
  Tape tape;
  Pass pass{.context = cpu(), .tape = &tape, .mode = Mode::train, .states = &told};
  const Var x = tape.leaf(vector({2, -1}));
  const Var y = block(pass, x), later = scale(x, 3.0);  // runs first on the way back
  tape.backward({{y, {}}, {later, {}}});
  CHECK(tape.gradient(x).to_doubles() == std::vector<double>{4, 3});
}

TEST_CASE("block states: without a tape nothing is recorded") {
  Told told;
  Pass pass{.context = cpu(), .states = &told};
  const Var y = block(pass, Var{vector({2, -1})});
  CHECK(y.tape == nullptr);
  CHECK(y.value.to_doubles() == std::vector<double>{2, 0});
  CHECK(told.events == kInTurn);
}

}  // namespace pliant::test
