// Which calls are timed, and the bytes and operations that their rates are made of.
#include "train/bench/timed_ops.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "layers/functional.h"
#include "layers/op_cases/check.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

OpFamily family(const std::string& name) {
  for (const OpFamily& one : op_families()) {
    if (one.name == name) return one;
  }
  FAIL("no family " << name);
  return {};
}

// A few values in each dimension, the channels and the batch small and no powers of two where that is possible.
Sizes small(const OpFamily& family) {
  if (family.form == "P") return {320};
  Sizes sizes = {3, 6, 5, 4, 7};
  while (!fits(family, sizes)) sizes.pop_back();
  return sizes;
}

std::vector<TimedCall> calls(const std::string& name, const Sizes& sizes, DType dtype = DType::f32) {
  return timed_calls(cpu(), dtype, family(name), sizes);
}

}  // namespace

TEST_CASE("timed operations: every family computes the right thing at sizes of its form on every backend") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const OpFamily& one : op_families()) {
    CAPTURE(one.name);
    const Sizes sizes = small(one);
    CHECK((one.op == nullptr) != (one.kernel == nullptr));
    if (one.op) {
      const CheckResult gradient = check_gradient(one.op(sizes));
      CHECK_MESSAGE(gradient.right(), gradient.message);
    }
    for (const NamedContext& device : contexts) {
      const CheckResult result = one.op ? check_against_double(one.op(sizes), *device.context, DType::f32)
                                        : check_against_double(one.kernel(sizes), *device.context, DType::f32);
      CHECK_MESSAGE(result.right(), result.message);
    }
  }
}

TEST_CASE("timed operations: every family has a name of its own and default sizes that fit and runs twice") {
  std::set<std::string> names;
  for (const OpFamily& one : op_families()) {
    CAPTURE(one.name);
    CHECK(names.insert(one.name).second);
    CHECK_FALSE(one.sizes.empty());
    for (const Sizes& sizes : one.sizes) CHECK(fits(one, sizes));
    const std::vector<TimedCall> all = timed_calls(cpu(), DType::f32, one, small(one));
    CHECK(all.size() == passes_of(one).size());
    for (std::size_t i = 0; i < all.size(); ++i) {
      CHECK(all[i].pass == passes_of(one)[i]);
      CHECK(all[i].bytes > 0.0);
      all[i].run();
      all[i].run();
    }
  }
  CHECK(names.size() >= 20);
}

TEST_CASE("timed operations: every case of the table can be timed") {
  std::size_t count = 0;
  for (const OpCase& op : op_cases()) {
    CAPTURE(op.name);
    for (const TimedCall& call : timed_calls(cpu(), DType::f32, op)) call.run(), ++count;
  }
  for (const KernelCase& one : kernel_cases()) {
    CAPTURE(one.name);
    for (const TimedCall& call : timed_calls(cpu(), DType::f32, one)) call.run(), call.run(), ++count;
  }
  CHECK(count > 300);
}

TEST_CASE("timed operations: bytes of operations that memory limits") {
  const Sizes sizes = {2, 3, 5, 7};
  const double map = 4.0 * 2 * 3 * 5 * 7;
  // x, y; then y, dy, dx.
  CHECK(calls("relu", sizes)[0].bytes == 2 * map);
  CHECK(calls("relu", sizes)[1].bytes == 5 * map);
  CHECK(calls("relu", sizes, DType::bf16)[1].bytes == 2.5 * map);
  // a, b, y; then dy, which both gradients are.
  CHECK(calls("add", sizes)[0].bytes == 3 * map);
  CHECK(calls("add", sizes)[1].bytes == 4 * map);
  // x for the moments, x, y, scale, shift; then dy, x and y for the sums and again, dx, and the gradients of scale and shift.
  CHECK(calls("batch norm train, relu", sizes)[0].bytes == 3 * map + 2 * 28);
  CHECK(calls("batch norm train, relu", sizes)[1].bytes == 3 * map + 2 * 28 + 7 * map + 2 * 28);
  // The same with the residual and its gradient, which is read in the place of dy and y.
  CHECK(calls("batch norm train, residual, relu", sizes)[1].bytes == 4 * map + 2 * 28 + 7 * map + 2 * 28);
  CHECK(calls("channel_sum", sizes)[0].bytes == map + 2 * 28);
  // A map of half the sides: 1 row of 3 and 2 columns of 5 are left.
  const double pooled = 4.0 * 2 * 1 * 2 * 7;
  CHECK(calls("average pool 2x2", sizes)[1].bytes == 2 * (map + pooled));
  CHECK(calls("max pool 2x2", sizes)[1].bytes == 2 * (map + 2 * pooled));
  // w, gradient, velocity and the rules; w, velocity.
  CHECK(calls("sgd_step", {640})[0].bytes == 4.0 * (5 * 640 + 4 * 10));
  CHECK(calls("adam_step", {640})[0].bytes == 4.0 * (7 * 640 + 4 * 10));
}

TEST_CASE("timed operations: operations of products and convolutions") {
  CHECK(calls("linear", {3, 5, 7})[0].flops == 2.0 * 3 * 5 * 7);
  CHECK(calls("linear", {3, 5, 7})[1].flops == 3 * 2.0 * 3 * 5 * 7);
  CHECK(calls("conv2d 3x3", {2, 4, 5, 3, 7})[0].flops == 2.0 * 2 * 4 * 5 * 7 * 9 * 3);
  CHECK(calls("conv2d 3x3", {2, 4, 5, 3})[0].flops == 2.0 * 2 * 4 * 5 * 3 * 9 * 3);
  CHECK(calls("conv2d 3x3 fused", {2, 4, 5, 3, 7})[0].flops == 2.0 * 2 * 4 * 5 * 7 * 9 * 3);
  CHECK(calls("conv2d 1x1", {2, 4, 5, 3})[0].flops == 2.0 * 2 * 4 * 5 * 3 * 3);
  CHECK(calls("conv2d cross", {2, 4, 5, 3, 7})[0].flops == 2.0 * 2 * 4 * 5 * 7 * 5 * 3);
  CHECK(calls("conv2d 3x3 depthwise", {2, 4, 5, 3})[0].flops == 0.0);
}

TEST_CASE("timed operations: SGD over ten million parameters is among the default rows") {
  const OpFamily sgd = family("sgd_step");
  CHECK(sgd.sizes.front().front() == doctest::Approx(1e7).epsilon(0.001));
  CHECK_THROWS_AS(sgd.kernel({100}), ShapeError);
}

TEST_CASE("timed operations: a call that 16 bits do not meet is refused") {
  CHECK(meets(family("relu"), {2, 3, 5, 7}, DType::bf16));
  CHECK(meets(family("sgd_step"), {64}, DType::f32));
  CHECK_FALSE(meets(family("sgd_step"), {64}, DType::bf16));
  CHECK_FALSE(meets(family("cross_entropy"), {4, 10}, DType::f16));
  CHECK_THROWS_AS(calls("cross_entropy", {4, 10}, DType::f16), ConfigError);
  CHECK_THROWS_AS(calls("softmax", {4, 10}, DType::f16), ConfigError);
}

TEST_CASE("timed operations: shapes are read and written as text") {
  CHECK(parse_sizes("128x32x32x64") == Sizes{128, 32, 32, 64});
  CHECK(parse_sizes("1") == Sizes{1});
  CHECK(text_of({1, 2, 34}) == "1x2x34");
  for (const char* bad : {"", "x", "12x", "x12", "12xx3", "0", "3x0", "-1", "1.5", "3X4", "3 x 4", "1x2x3x4x5x6", "99999999999999999999", "1048576x1048577"}) {
    CAPTURE(bad);
    CHECK_THROWS_AS(parse_sizes(bad), UsageError);
  }
  const OpFamily conv = family("conv2d 3x3");
  CHECK_FALSE(fits(conv, {1, 2, 3}));
  CHECK(fits(conv, {1, 2, 3, 4}));
  CHECK(fits(conv, {1, 2, 3, 4, 5}));
  CHECK_FALSE(fits(family("relu"), {1, 2, 3, 4, 5}));
  CHECK_FALSE(fits(family("sgd_step"), {64, 1}));
}

TEST_CASE("timed operations: rates follow from time and limit") {
  const CallRates memory = rates_of({"forward", nullptr, 6e9, 0.0}, 2.0, {.copy = 12e9, .product = 1.0});
  CHECK(memory.bytes_per_s == 3e9);
  CHECK(memory.of_copy == 0.25);
  CHECK_FALSE(memory.flops_per_s);
  CHECK_FALSE(memory.of_product);
  const CallRates arithmetic = rates_of({"forward", nullptr, 6e9, 8e9}, 2.0, {.copy = 12e9, .product = 16e9});
  CHECK(arithmetic.flops_per_s == 4e9);
  CHECK(arithmetic.of_product == 0.25);
  CHECK_FALSE(arithmetic.bytes_per_s);
  CHECK_FALSE(rates_of({"forward", nullptr, 6e9, 0.0}, 2.0, {}).of_copy);
  const CallRates unknown = rates_of({"call", nullptr, 0.0, 0.0}, 2.0, {.copy = 1.0, .product = 1.0});
  CHECK_FALSE(unknown.bytes_per_s);
  CHECK_FALSE(unknown.of_copy);
}

}  // namespace pliant::test
