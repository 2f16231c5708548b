// cuDNN has plans that keep the rules for every convolution of nets of every family. It plans for a device that is described to it, so that no GPU
// is needed; whether the plans compute what they should only a GPU can tell.
#include "kernels/gpu/cudnn_plans.h"

#include <doctest/doctest.h>

#include <set>

#include "tests/cuda_build/described_h200.h"
#include "tests/cuda_build/net_convolutions.h"

namespace pliant::test {

using namespace kernels::gpu;

namespace {

const CudnnDescriptor& h200() {
  static const CudnnDescriptor device = described_device(kDescribedH200);
  return device;
}

// The first plan of the first form that has one, without engines that are compiled first.
std::vector<ConvolutionPlan> first_plan(const ConvolutionProblem& problem, const PlanRules& rules) {
  for (const ConvolutionForm& form : forms_of(problem)) {
    std::vector<ConvolutionPlan> plans = plans_of({.described = &h200()}, problem, form, rules, 1);
    if (!plans.empty()) return plans;
  }
  return {};
}

std::set<std::int64_t> engines(const ConvolutionProblem& problem, const PlanRules& rules) {
  std::set<std::int64_t> all;
  for (const ConvolutionPlan& plan : plans_of({.described = &h200()}, problem, forms_of(problem).front(), rules, 100)) all.insert(plan.engine);
  return all;
}

void check_plans(const std::vector<std::string>& nets, DType dtype, const PlanRules& rules) {
  const std::vector<NetConvolution> convolutions = net_convolutions(nets, 128);
  REQUIRE(convolutions.size() > 20);
  for (const NetConvolution& convolution : convolutions) {
    for (const ConvolutionDirection direction : all_directions()) {
      const ConvolutionProblem problem = problem_of(convolution.sizes, direction, dtype);
      const std::vector<ConvolutionPlan> plans = first_plan(problem, rules);
      CHECK_MESSAGE(!plans.empty(), convolution.name, ": no plan for the ", describe(problem));
      if (!plans.empty()) CHECK(plans[0].workspace <= kMaxWorkspace);
    }
  }
}

// A convolution that also takes the sums for the batch normalisation behind it, and on request normalises what it reads.
std::vector<ConvolutionPlan> plan_with_sums(const kernels::Conv2dSizes& sizes, DType dtype, bool normed = false) {
  ConvolutionProblem problem = problem_of(sizes, ConvolutionDirection::forward, dtype);
  problem.sums = 1, problem.normed = normed;
  return plans_of({.described = &h200()}, problem, forms_of(problem).front(), {}, 1);
}

constexpr kernels::Conv2dSizes kPlain{128, 32, 32, 16, 16, 3, 3, 32, 32, 1, 1, 1, 1, 16, 16};

}  // namespace

TEST_CASE("cuDNN plans: convolutions of every family of nets have one in f32 and in TF32") {
  const std::vector<std::string> nets{"lenet5", "b-lenet", "resnet20", "resnet50", "preresnet20", "vgg16", "densenet40", "mobilenet-v1"};
  check_plans(nets, DType::f32, {});
  check_plans(nets, DType::f32, {.tf32 = true});
}

// Fewer nets: each filter gradient asks for sums in f32 first, which cuDNN 9 refuses slowly where there is no driver.
TEST_CASE("cuDNN plans: convolutions of several nets have one in bf16") { check_plans({"resnet20", "vgg16", "mobilenet-v1"}, DType::bf16, {}); }

TEST_CASE("cuDNN plans: TF32 and engines without a fixed order come only where the rules allow them") {
  const ConvolutionProblem forward = problem_of(kPlain, ConvolutionDirection::forward, DType::f32);
  const std::set<std::int64_t> full = engines(forward, {}), tf32 = engines(forward, {.tf32 = true});
  CHECK(!full.empty());
  CHECK(tf32.size() > full.size());
  const ConvolutionProblem filter = problem_of(kPlain, ConvolutionDirection::backward_filter, DType::f32);
  CHECK(engines(filter, {.deterministic = false}).size() > engines(filter, {}).size());
}

TEST_CASE("cuDNN plans: a bias is added within the graph and a filter gradient adds to what is there in f32") {
  const std::vector<ConvolutionPlan> forward = first_plan(problem_of(kPlain, ConvolutionDirection::forward, DType::f32, true), {});
  REQUIRE(forward.size() == 1);
  CHECK(forward[0].form.adds_bias);
  for (const DType dtype : {DType::f32, DType::bf16}) {
    for (const bool onto : {false, true}) {
      ConvolutionProblem fused = problem_of(kPlain, ConvolutionDirection::forward, dtype, true);
      fused.relu = 1, fused.has_residual = onto;
      const std::vector<ConvolutionPlan> plans = first_plan(fused, {});
      REQUIRE(plans.size() == 1);
      MESSAGE(describe(fused) << ": engine " << plans[0].engine << ", all in the graph: " << plans[0].form.ends);
    }
  }
  const std::vector<ConvolutionPlan> filter = first_plan(problem_of(kPlain, ConvolutionDirection::backward_filter, DType::f32), {});
  REQUIRE(filter.size() == 1);
  CHECK(filter[0].form.accumulates);
}

// The limits of its engines, recorded: where there is none the form without sums computes, which has plans by the tests above. A refusal takes
// cuDNN a quarter of a second, so that only a few are asked for.
TEST_CASE("cuDNN plans: f16 convolutions of multiples of eight channels have one that takes sums and others and bf16 have none") {
  std::size_t with = 0, without = 0;
  for (const NetConvolution& convolution : net_convolutions({"resnet20", "mobilenet-v1", "densenet40"}, 128)) {
    const kernels::Conv2dSizes& z = convolution.sizes;
    const bool fits = z.c % 8 == 0 && z.k % 8 == 0;
    if (!fits && without == 1) continue;
    const std::vector<ConvolutionPlan> plans = plan_with_sums(z, DType::f16);
    CHECK_MESSAGE(plans.empty() != fits, convolution.name, ": ", z.c, " channels to ", z.k);
    ++(plans.empty() ? without : with);
    if (plans.empty()) continue;
    CHECK((plans[0].form.sums && plans[0].workspace <= kMaxWorkspace));
    const std::vector<ConvolutionPlan> chained = plan_with_sums(z, DType::f16, true);
    REQUIRE_MESSAGE(chained.size() == 1, convolution.name);
    CHECK((chained[0].form.sums && chained[0].form.normalises));
  }
  CHECK(with > 10);
  CHECK(without == 1);
  for (const bool normed : {false, true}) CHECK(plan_with_sums(kPlain, DType::bf16, normed).empty());
}

TEST_CASE("cuDNN plans: groups have one in every dtype") {
  const kernels::Conv2dSizes grouped{2, 9, 8, 6, 4, 3, 3, 5, 4, 2, 1, 1, 2, 3, 2};
  for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) {
    for (const ConvolutionDirection direction : all_directions()) CHECK(!first_plan(problem_of(grouped, direction, dtype), {}).empty());
  }
}

TEST_CASE("cuDNN plans: a device that is not described fully is refused with what is missing") {
  CHECK_THROWS_WITH_AS(described_device(R"({"deviceVer": 900})"), doctest::Contains("maxGridSize"), DeviceError);
}

}  // namespace pliant::test
