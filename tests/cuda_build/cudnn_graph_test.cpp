// cuDNN takes the description of every convolution that the nets have, and refuses wrong ones. No handle and no device are needed.
#include "kernels/gpu/cudnn_graph.h"

#include <doctest/doctest.h>

#include <cstring>

#include "nets/zoo.h"
#include "tests/cuda_build/net_convolutions.h"

namespace pliant::test {

using namespace kernels::gpu;
using kernels::Conv2dSizes;

namespace {

// Tensors, convolution and operations are finalised, and the graph of them.
void describe_all(const ConvolutionProblem& problem) {
  for (const ConvolutionForm& form : forms_of(problem)) {
    ConvolutionGraph graph(problem, form);
    std::string why;
    CHECK_MESSAGE(graph.try_finalise(nullptr, &why), describe(problem), ": ", why);
  }
}

// y = relu(convolution + bias + residual)
ConvolutionProblem fused(const Conv2dSizes& sizes, DType dtype) {
  ConvolutionProblem problem = problem_of(sizes, ConvolutionDirection::forward, dtype, true);
  problem.has_residual = problem.relu = 1;
  return problem;
}

// y = convolution of x, or of relu(factor x + offset), with the sums that batch normalisation of y starts from
ConvolutionProblem summed(const Conv2dSizes& sizes, DType dtype, bool normed) {
  ConvolutionProblem problem = problem_of(sizes, ConvolutionDirection::forward, dtype);
  problem.sums = 1, problem.normed = normed;
  return problem;
}

std::string refusal(const ConvolutionProblem& problem) {
  try {
    const ConvolutionGraph graph(problem, forms_of(problem).front());
  } catch (const DeviceError& error) {
    return error.what();
  }
  return "";
}

// Five pixels by five from nine by eight: stride 2, two groups.
constexpr Conv2dSizes kGrouped{2, 9, 8, 6, 4, 3, 3, 5, 4, 2, 1, 1, 2, 3, 2};

}  // namespace

TEST_CASE("cuDNN graphs: every convolution of every net is accepted in all three passes") {
  const std::vector<NetConvolution> convolutions = net_convolutions(net_names(), 128);
  REQUIRE(convolutions.size() > 100);
  for (const NetConvolution& convolution : convolutions) {
    CAPTURE(convolution.name);
    for (const ConvolutionDirection direction : all_directions()) {
      for (const DType dtype : {DType::f32, DType::bf16, DType::f16}) CHECK_NOTHROW(describe_all(problem_of(convolution.sizes, direction, dtype)));
    }
    for (const DType dtype : {DType::f32, DType::bf16}) {
      CHECK_NOTHROW(describe_all(problem_of(convolution.sizes, ConvolutionDirection::forward, dtype, true)));
      CHECK_NOTHROW(describe_all(fused(convolution.sizes, dtype)));
    }
    for (const DType dtype : {DType::bf16, DType::f16}) {
      for (const bool normed : {false, true}) CHECK_NOTHROW(describe_all(summed(convolution.sizes, dtype, normed)));
    }
  }
}

TEST_CASE("cuDNN graphs: groups and unaligned addresses are accepted") {
  for (const ConvolutionDirection direction : all_directions()) {
    for (const int alignment : {4, 8, 16}) {
      ConvolutionProblem problem = problem_of(kGrouped, direction, DType::f32);
      problem.alignment = alignment;
      CHECK_NOTHROW(describe_all(problem));
    }
  }
}

TEST_CASE("cuDNN graphs: sizes that do not fit together are refused with the reason") {
  for (const ConvolutionDirection direction : all_directions()) {
    CAPTURE(name_of(direction));
    CHECK(refusal(problem_of(kGrouped, direction, DType::f32)) == "");
    Conv2dSizes more_rows = kGrouped, more_filters = kGrouped, odd_groups = kGrouped, no_stride = kGrouped;
    more_rows.p = 7;
    odd_groups.group_c = 4;
    no_stride.stride = 0;
    for (const Conv2dSizes& wrong : {more_rows, odd_groups, no_stride}) {
      const std::string text = refusal(problem_of(wrong, direction, DType::bf16));
      CHECK(text.find("cuDNN: a") == 0);
      CHECK(text.find("CUDNN_STATUS_BAD_PARAM") != std::string::npos);
    }
    more_filters.n = 0;
    CHECK(refusal(problem_of(more_filters, direction, DType::f32)) != "");
  }
}

TEST_CASE("cuDNN graphs: dtypes that no GPU kernel has are refused") {
  const ConvolutionProblem problem = problem_of(kGrouped, ConvolutionDirection::forward, DType::f64);
  CHECK_THROWS_AS(ConvolutionGraph(problem, forms_of(problem).front()), ShapeError);
}

TEST_CASE("cuDNN graphs: the forms of a problem leave ever more to other kernels") {
  const auto forward = forms_of(problem_of(kGrouped, ConvolutionDirection::forward, DType::bf16, true));
  REQUIRE(forward.size() == 2);
  CHECK(forward[0].adds_bias);
  CHECK_FALSE(forward[1].adds_bias);
  const auto ending = forms_of(fused(kGrouped, DType::bf16));
  REQUIRE(ending.size() == 3);
  CHECK((ending[0].adds_bias && ending[0].ends));
  CHECK((ending[1].adds_bias && !ending[1].ends));
  CHECK_FALSE((ending[2].adds_bias || ending[2].ends));
  const auto summing = forms_of(summed(kGrouped, DType::f16, false));
  REQUIRE(summing.size() == 2);
  CHECK((summing[0].sums && !summing[0].normalises));
  CHECK_FALSE(summing[1].sums);
  const auto chained = forms_of(summed(kGrouped, DType::f16, true));
  REQUIRE(chained.size() == 3);
  CHECK((chained[0].sums && chained[0].normalises));
  CHECK((chained[1].sums && !chained[1].normalises));
  CHECK_FALSE((chained[2].sums || chained[2].normalises));
  const auto full = forms_of(problem_of(kGrouped, ConvolutionDirection::backward_filter, DType::f32));
  REQUIRE(full.size() == 2);
  CHECK(full[0].accumulates);
  const auto half = forms_of(problem_of(kGrouped, ConvolutionDirection::backward_filter, DType::bf16));
  REQUIRE(half.size() == 3);
  CHECK(half[0].filter == DType::f32);
  CHECK(half[2].filter == DType::bf16);
  CHECK_FALSE(half[2].accumulates);
}

}  // namespace pliant::test
