// Trained factors on the residual branches of a net.
#include <doctest/doctest.h>

#include "core/memory_ops.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

NetDescription scaled_resnet() {
  NetDescription d = tiny_resnet();
  d.block_scales = true;
  return d;
}

}  // namespace

TEST_CASE("block scales: factors of one change nothing and each is one trainable scalar") {
  Net plain = make_net(cpu(), tiny_resnet(), DType::f64), scaled = make_net(cpu(), scaled_resnet(), DType::f64);
  CHECK(scaled.store->trainable_count() == plain.store->trainable_count() + 9);
  CHECK(cost(scaled).parameters == cost(plain).parameters + 9);
  CHECK(cost(scaled).macs == cost(plain).macs);
  const Parameter* factor = scaled.store->find("layer2.0.block_scale");
  REQUIRE(factor);
  CHECK(factor->role == Role::block_scale);
  CHECK(factor->shape() == Shape{1});
  CHECK(factor->value.to_doubles()[0] == 1.0);
  copy_leading(plain, scaled);
  CHECK(difference(eval_pass(scaled)[0], eval_pass(plain)[0]).relative <= 1e-12);
  CHECK(difference(train_pass(scaled).logits[0], train_pass(plain).logits[0]).relative <= 1e-12);
}

TEST_CASE("block scales: a factor of zero gives the logits of the net without that block") {
  Net net = make_net(cpu(), scaled_resnet(), DType::f64);
  kernels::fill(net.store->find("layer2.1.block_scale")->value, 0.0);
  CHECK(difference(eval_pass(net)[0], eval_pass(net, {.dropped = {4}})[0]).relative <= 1e-12);
}

TEST_CASE("block scales: a removed block has no factor and a net without blocks is refused") {
  NetDescription d = default_description("resnet20");
  d.block_scales = true;
  d.removed_blocks = {4};
  const Net net = build_net(d);
  CHECK(net.store->find("layer2.1.block_scale") == nullptr);
  CHECK(net.store->find("layer2.2.block_scale") != nullptr);
  NetDescription vgg = default_description("vgg16");
  vgg.block_scales = true;
  CHECK_THROWS_WITH_AS(build_net(vgg), doctest::Contains("vgg16: has no residual blocks"), ConfigError);
}

}  // namespace pliant::test
