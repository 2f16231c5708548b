// Every step of the ladder, in three thread orders, against plain loops in double; and what steps refuse.
#include "benchmarks/ladder/checks.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "benchmarks/ladder/versions.h"
#include "layers/op_cases/check.h"
#include "layers/op_cases/contexts.h"
#include "layers/op_cases/families.h"
#include "layers/op_cases/values.h"
#include "train/bench/measure.h"

namespace pliant::test {

namespace {

void check_operation(const std::string& operation) {
  int steps = 0;
  for (const ladder::Version& version : ladder::versions()) {
    if (version.operation != operation) continue;
    CAPTURE(version.step);
    ++steps;
    for (const NamedContext& gpu : gpu_contexts()) {
      CAPTURE(gpu.name);
      const std::vector<ladder::Comparison> comparisons = version.check(*gpu.context);
      CHECK(comparisons.size() >= 6);
      for (const ladder::Comparison& one : comparisons) {
        INFO(one.input << ", " << one.where);
        CHECK(one.difference <= one.tolerance);
      }
    }
  }
  CHECK(steps >= 4);
}

}  // namespace

TEST_CASE("ladder: every step of the reduction equals the double version in every thread order") { check_operation("reduction"); }

TEST_CASE("ladder: every step of the batch norm equals the double version in every thread order") { check_operation("batch_norm"); }

TEST_CASE("ladder: every step of the matrix product equals the double version in every thread order") { check_operation("matrix_product"); }

TEST_CASE("ladder: every step of the direct convolution equals the double version in every thread order") { check_operation("conv2d_direct"); }

TEST_CASE("ladder: every step of the implicit convolution equals the double version in every thread order") {
  check_operation("conv2d_implicit_gemm");
}

TEST_CASE("ladder: every step of the depthwise convolution equals the double version in every thread order") {
  check_operation("depthwise_conv2d");
}

TEST_CASE("ladder: a step that leaves an element out or gets one wrong is caught") {
  const NamedContext gpu = std::move(gpu_contexts().front());
  const auto worst = [&](ladder::Sum* run) {
    double difference = 0.0;
    for (const ladder::Comparison& one : ladder::check_sum(run, *gpu.context)) difference = std::max(difference, one.difference);
    return difference;
  };
  CHECK(worst(kernels::accumulate_sum.gpu) <= 1e-5);
  CHECK(worst([](const Tensor& x, double factor, Tensor& y) { kernels::accumulate_sum(x, 1.01 * factor, y); }) > 1e-3);
  const auto nothing = [](const Tensor&, const Tensor&, const Tensor&, ProductOptions, Tensor&) {};
  for (const ladder::Comparison& one : ladder::check_product(nothing, *gpu.context)) CHECK(std::isinf(one.difference));
}

TEST_CASE("ladder: grouped convolutions and other products are refused") {
  const NamedContext gpu = std::move(gpu_contexts().front());
  int refused = 0;
  for (const ConvolutionCase& one : convolutions()) {
    if (one.geometry.groups == 1) continue;
    const std::vector<Tensor> in = inputs_of(*gpu.context, DType::f32, one.op);
    Tensor y(*gpu.context, conv2d_output_shape(in[0].shape(), in[1].shape(), one.geometry));
    for (const auto& steps : {ladder::direct_steps(), ladder::implicit_gemm_steps()}) {
      for (const auto& step : steps) {
        ++refused;
        CHECK_THROWS_AS(step.run(in[0], in[1], {}, one.geometry, y), ConfigError);
      }
    }
  }
  CHECK(refused > 0);
  const Tensor a = random_tensor(*gpu.context, {4, 4}, DType::f32, 1);
  Tensor c(*gpu.context, {4, 4});
  for (const auto& step : ladder::product_steps()) {
    CHECK_THROWS_AS(step.run(a, a, {}, {}, c), ConfigError);
    CHECK_THROWS_AS(step.run(a, a, {}, {.transpose_b = true, .accumulate = true}, c), ConfigError);
  }
}

TEST_CASE("ladder: names are unique and every step is timed by its limit") {
  std::set<std::string> names;
  for (const ladder::Version& version : ladder::versions()) {
    CHECK_MESSAGE(names.insert(version.operation + "/" + version.step).second, version.step);
    CHECK(version.workloads.size() >= 2);
    for (const ladder::Workload& workload : version.workloads) CHECK((workload.bytes > 0.0) != (workload.flops > 0.0));
  }
}

// Of the emulator's time nothing is asserted but that the figures belong together.
TEST_CASE("ladder: rates follow from the median time") {
  const NamedContext gpu = std::move(gpu_contexts().front());
  int calls = 0;
  const auto work = [&](double bytes, double flops) {
    return ladder::Workload{"copy", bytes, flops, [&](Context& context) {
                              return [&calls, from = Tensor::zeros(context, {1024}), to = Tensor::zeros(context, {1024})]() mutable {
                                to.copy_from(from);
                                ++calls;
                              };
                            }};
  };
  const ladder::Timing memory = ladder::time_workload(*gpu.context, work(8192.0, 0.0), 1e9);
  CHECK(memory.seconds > 0.0);
  CHECK(memory.bytes_per_s * memory.seconds == doctest::Approx(8192.0));
  CHECK(memory.of_copy * copy_rate(*gpu.context, 8192.0) == doctest::Approx(memory.bytes_per_s));
  CHECK(memory.flops_per_s == 0.0);
  CHECK(calls >= 3);
  const ladder::Timing arithmetic = ladder::time_workload(*gpu.context, work(0.0, 5000.0), 1e9);
  CHECK(arithmetic.flops_per_s * arithmetic.seconds == doctest::Approx(5000.0));
  CHECK(arithmetic.of_product == doctest::Approx(arithmetic.flops_per_s / 1e9));
  CHECK(arithmetic.bytes_per_s == 0.0);
}

}  // namespace pliant::test
