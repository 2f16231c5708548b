// The whole table: gradients in double, the fast CPU version and the kernels against the double version.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "layers/functional.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/op_case.h"

namespace pliant::test {

namespace {

void check_outcome(const Outcome& actual, const Outcome& expected, const OpCase& op, DType dtype = DType::f32) {
  const double tolerance = op.tolerance + op.roundings * roundoff(dtype);
  const Difference y = difference(actual.y, expected.y);
  INFO("y, " << y.where);
  CHECK(y.relative <= tolerance);
  REQUIRE(actual.gradients.size() == expected.gradients.size());
  for (std::size_t i = 0; i < actual.gradients.size(); ++i) {
    CAPTURE(i);
    REQUIRE(static_cast<bool>(actual.gradients[i]) == static_cast<bool>(expected.gradients[i]));
    if (!actual.gradients[i]) continue;
    const Difference gradient = difference(actual.gradients[i], expected.gradients[i]);
    INFO("gradient, " << gradient.where);
    CHECK(gradient.relative <= tolerance);
  }
}

constexpr DType kShort[] = {DType::bf16, DType::f16};

// The cases that meet 16 bits, on one context.
void check_16_bits(Context& context, DType dtype) {
  CAPTURE(dtype);
  std::size_t cases = 0;
  for (const OpCase& op : op_cases()) {
    if (op.roundings == 0.0) continue;
    ++cases;
    CAPTURE(op.name);
    const Outcome actual = run_case(context, dtype, op);
    CHECK(actual.y.dtype() == dtype);
    check_outcome(actual, run_case(cpu(), DType::f64, op, dtype), op, dtype);
  }
  CHECK(cases > 100);
}

}  // namespace

TEST_CASE("op table: analytic gradients equal central differences in double") {
  for (const OpCase& op : op_cases()) {
    CAPTURE(op.name);
    CHECK(gradient_error(op) <= op.gradient_tolerance);
  }
}

TEST_CASE("op table: a gradient that is wrong by one per cent is caught and so is NaN") {
  const auto wrong = [](double factor) {
    return OpCase{"wrong", {{5}}, [factor](const std::vector<Var>& x) {
                    Tensor y = x[0].value.clone();
                    return record("wrong", {&x[0]}, y, [in = x[0].slot, factor](const Tensor& dy, Gradients& grads) {
                      Tensor dx = Tensor::like(dy);
                      kernels::scale(dy, factor, dx);
                      grads.add(in, dx);
                    });
                  }};
  };
  CHECK(gradient_error(wrong(1.0)) <= 1e-6);
  CHECK(gradient_error(wrong(1.01)) > 1e-3);
  CHECK_FALSE(gradient_error(wrong(std::nan(""))) <= 1e-6);
}

TEST_CASE("op table: the fast CPU version equals the double version") {
  for (const OpCase& op : op_cases()) {
    CAPTURE(op.name);
    check_outcome(run_case(cpu(), DType::f32, op), run_case(cpu(), DType::f64, op), op);
  }
}

TEST_CASE("op table: the kernels equal the double version in every thread order") {
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    for (const OpCase& op : op_cases()) {
      CAPTURE(op.name);
      check_outcome(run_case(*gpu.context, DType::f32, op), run_case(cpu(), DType::f64, op), op);
    }
  }
}

TEST_CASE("op table: on the CPU bf16 and f16 equal the double version on the same rounded inputs") {
  for (const DType dtype : kShort) check_16_bits(cpu(), dtype);
}

// One thread order each: what a kernel does between barriers does not depend on the type of its elements.
TEST_CASE("op table: the kernels in bf16 and f16 equal the double version on the same rounded inputs") {
  const std::vector<NamedContext> contexts = gpu_contexts();
  check_16_bits(*contexts.front().context, DType::bf16);
  check_16_bits(*contexts.back().context, DType::f16);
}

TEST_CASE("op table: names are unique") {
  std::set<std::string> names;
  for (const OpCase& op : op_cases()) CHECK_MESSAGE(names.insert(op.name).second, op.name);
  for (const KernelCase& one : kernel_cases()) CHECK_MESSAGE(names.insert(one.name).second, one.name);
}

TEST_CASE("kernel table: CPU and kernels equal the double version") {
  std::vector<NamedContext> contexts = gpu_contexts();
  contexts.push_back({"cpu, float", std::make_unique<Context>(Device::cpu)});
  for (const KernelCase& one : kernel_cases()) {
    CAPTURE(one.name);
    const std::vector<Tensor> expected = one.run(cpu(), DType::f64);
    for (const NamedContext& device : contexts) {
      CAPTURE(device.name);
      const std::vector<Tensor> actual = one.run(*device.context, DType::f32);
      REQUIRE(actual.size() == expected.size());
      for (std::size_t i = 0; i < actual.size(); ++i) {
        const Difference distance = difference(actual[i].to_doubles(), expected[i].to_doubles());
        INFO("output " << i << ", " << distance.where);
        CHECK(distance.relative <= one.tolerance);
      }
    }
  }
}

TEST_CASE("kernel table: CPU and kernels in bf16 and f16 equal the double version within the rounding of inputs and outputs") {
  const std::vector<NamedContext> contexts = gpu_contexts();
  for (const KernelCase& one : kernel_cases()) {
    if (one.roundings == 0.0) continue;
    CAPTURE(one.name);
    const std::vector<Tensor> expected = one.run(cpu(), DType::f64);
    for (const DType dtype : kShort) {
      CAPTURE(dtype);
      for (Context* context : {&cpu(), contexts.back().context.get()}) {
        const std::vector<Tensor> actual = one.run(*context, dtype);
        REQUIRE(actual.size() == expected.size());
        for (std::size_t i = 0; i < actual.size(); ++i) {
          const Difference distance = difference(actual[i].to_doubles(), expected[i].to_doubles());
          INFO("output " << i << ", " << distance.where);
          CHECK(distance.relative <= one.tolerance + one.roundings * roundoff(dtype));
        }
      }
    }
  }
}

TEST_CASE("op table: CPU and kernels round bf16 and f16 alike") {
  const std::set<std::string> exact = {"relu: 257 values",       "relu6: 257 values",          "add: a value to itself",
                                       "scale: and reshape",     "mask_channels: 33 channels", "pack: any order in every dimension",
                                       "max pool: 3x3 stride 2", "dropout: half of a map",     "drop_path: half of the rows",
                                       "concat_channels: parts of 1, 4 and 7"};
  const std::vector<NamedContext> contexts = gpu_contexts();
  std::size_t found = 0;
  for (const OpCase& op : op_cases()) {
    if (!exact.contains(op.name)) continue;
    ++found;
    CAPTURE(op.name);
    for (const DType dtype : kShort) {
      CAPTURE(dtype);
      const Outcome here = run_case(cpu(), dtype, op), there = run_case(*contexts.front().context, dtype, op);
      CHECK(bit_equal(here.y, there.y));
      for (std::size_t i = 0; i < here.gradients.size(); ++i) CHECK(bit_equal(here.gradients[i], there.gradients[i]));
    }
  }
  CHECK(found == exact.size());
}

}  // namespace pliant::test
