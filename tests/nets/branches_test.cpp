// Pass::branches: how open residual branches count, apart from what batch norm and dropout do.
#include <doctest/doctest.h>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

NetDescription with_survival(double p, bool scale_in_training) {
  NetDescription d = tiny_resnet();
  d.survival.assign(static_cast<std::size_t>(build_net(d).blocks), p);
  d.scale_in_training = scale_in_training;
  return d;
}

Tensor logits_of(const Net& net, Mode mode, Branches branches) {
  Pass pass{.context = net.store->context(), .mode = mode};
  pass.branches = branches;
  return forward(net, pass, Var{random_tensor(net.store->context(), {3, 8, 8, 3}, net.store->dtype(), 7)})[0].value;
}

}  // namespace

TEST_CASE("branches: they count in full in eval mode where a pass asks for it") {
  const Net plain = make_net(cpu(), tiny_resnet(), DType::f64), net = make_net(cpu(), with_survival(0.5, false), DType::f64);
  const Tensor expected = logits_of(plain, Mode::eval, Branches::of_mode);
  CHECK(bit_equal(logits_of(net, Mode::eval, Branches::as_in_training), expected));
  CHECK_FALSE(bit_equal(logits_of(net, Mode::eval, Branches::of_mode), expected));
  CHECK(bit_equal(logits_of(net, Mode::eval, Branches::as_in_eval), logits_of(net, Mode::eval, Branches::of_mode)));
}

TEST_CASE("branches: they are scaled in train mode where a pass asks for it") {
  const Net test_scaled = make_net(cpu(), with_survival(0.5, false), DType::f64);
  const Net train_scaled = make_net(cpu(), with_survival(0.5, true), DType::f64), plain = make_net(cpu(), tiny_resnet(), DType::f64);
  const Tensor full = logits_of(plain, Mode::train, Branches::of_mode);
  CHECK(bit_equal(logits_of(test_scaled, Mode::train, Branches::of_mode), full));
  CHECK(bit_equal(logits_of(train_scaled, Mode::train, Branches::as_in_eval), full));
  CHECK_FALSE(bit_equal(logits_of(test_scaled, Mode::train, Branches::as_in_eval), full));
  CHECK_FALSE(bit_equal(logits_of(train_scaled, Mode::train, Branches::of_mode), full));
}

}  // namespace pliant::test
