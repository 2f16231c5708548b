// The whole table: gradients in double, the fast CPU version and the kernels against the double version.
#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "layers/functional.h"
#include "layers/op_cases/check.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

// The result as one check; nothing compared is wrong too.
void check_right(const CheckResult& result) { CHECK_MESSAGE(result.right(), result.message); }

constexpr DType kShort[] = {DType::bf16, DType::f16};

// The cases that meet 16 bits, on one context.
void check_16_bits(Context& context, DType dtype) {
  CAPTURE(dtype);
  std::size_t cases = 0;
  for (const OpCase& op : op_cases()) {
    if (op.roundings == 0.0) continue;
    ++cases;
    check_right(check_against_double(op, context, dtype));
  }
  CHECK(cases > 100);
}

}  // namespace

TEST_CASE("op table: analytic gradients equal central differences in double") {
  for (const OpCase& op : op_cases()) check_right(check_gradient(op));
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
  CHECK(check_gradient(wrong(1.0)).error <= 1e-6);
  CHECK(check_gradient(wrong(1.01)).error > 1e-3);
  CHECK_FALSE(check_gradient(wrong(1.01)).right());
  CHECK_FALSE(check_gradient(wrong(std::nan(""))).error <= 1e-6);
  CHECK_FALSE(check_gradient(wrong(std::nan(""))).right());
}

TEST_CASE("op table: the fast CPU version equals the double version") {
  for (const OpCase& op : op_cases()) check_right(check_against_double(op, cpu(), DType::f32));
}

TEST_CASE("op table: the kernels equal the double version in every thread order") {
  for (const NamedContext& gpu : gpu_contexts()) {
    for (const OpCase& op : op_cases()) check_right(check_against_double(op, *gpu.context, DType::f32));
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
  contexts.push_back({"cpu", std::make_unique<Context>(Device::cpu)});
  for (const KernelCase& one : kernel_cases()) {
    for (const NamedContext& device : contexts) check_right(check_against_double(one, *device.context, DType::f32));
  }
}

TEST_CASE("kernel table: CPU and kernels in bf16 and f16 equal the double version within the rounding of inputs and outputs") {
  const std::vector<NamedContext> contexts = gpu_contexts();
  for (const KernelCase& one : kernel_cases()) {
    if (one.roundings == 0.0) continue;
    for (const DType dtype : kShort) {
      for (Context* context : {&cpu(), contexts.back().context.get()}) check_right(check_against_double(one, *context, dtype));
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
