#include "kernels/gpu/cudnn_convolutions.h"

#include <cudnn.h>

#include <array>
#include <cstring>
#include <iostream>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "kernels/gpu/library_tensors.h"
#include "kernels/gpu/library_version.h"
#include "kernels/gpu/stream_timer.h"

namespace pliant::kernels::gpu {

namespace {

constexpr std::size_t kTimedPlans = 6;  // per form

struct ProblemHash {
  std::size_t operator()(const ConvolutionProblem& problem) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&problem), sizeof problem});
  }
};
struct SameBytes {
  bool operator()(const ConvolutionProblem& a, const ConvolutionProblem& b) const { return std::memcmp(&a, &b, sizeof a) == 0; }
};

// What the plan computes beside the convolution, for the log.
const char* included(const ConvolutionForm& form) {
  if (form.normalises) return ", normalisation of x and sums of y included";
  if (form.sums) return ", sums of y included";
  if (form.ends) return form.adds_bias ? ", bias, residual and ReLU included" : ", residual and ReLU included";
  return form.adds_bias ? ", bias included" : form.accumulates ? ", sum included" : "";
}

}  // namespace

ConvolutionProblem problem_of(const Conv2dSizes& sizes, ConvolutionDirection direction, DType dtype, const ConvolutionAddresses& at, bool relu) {
  return {sizes, direction, static_cast<int>(dtype), at.bias != nullptr, at.residual != nullptr, relu, at.factor != nullptr,
          at.sum != nullptr, common_alignment({at.x, at.w, at.y, at.bias, at.residual, at.sum, at.sum_of_squares, at.factor, at.offset})};
}

struct CudnnConvolutions::Library {
  ~Library() {
    plans.clear();
    cudnnDestroy(handle);
  }
  cudnnHandle_t handle = nullptr;
  std::unordered_map<ConvolutionProblem, std::optional<ConvolutionPlan>, ProblemHash, SameBytes> plans;
};

CudnnConvolutions::CudnnConvolutions(Context& context) : context_(context), library_(std::make_unique<Library>()) {
  require_same_major("cuDNN", cudnn_versions());
  require_cudnn(cudnnCreate(&library_->handle), "cudnnCreate");
  require_cudnn(cudnnSetStream(library_->handle, context.stream()), "cudnnSetStream");
}
CudnnConvolutions::~CudnnConvolutions() = default;

const ConvolutionPlan* CudnnConvolutions::find(const ConvolutionProblem& problem,
                                               const std::function<void(const ConvolutionPlan&)>& run) {
  const auto known = library_->plans.find(problem);
  if (known != library_->plans.end()) return known->second ? &*known->second : nullptr;
  std::string why = "none is proposed that keeps the rules of the context";
  std::vector<ConvolutionPlan> plans = candidates(problem, &why);
  const std::optional<std::size_t> best = plans.size() > 1 ? fastest(problem, plans, run)
                                            : plans.empty() ? std::nullopt : std::optional<std::size_t>(0);
  ++(best ? counters.plans : counters.fallbacks);
  if (!best) {
    std::clog << "warning: cuDNN has no plan for the " << describe(problem) << " (" << why
              << "); the hand-written kernel computes it\n";
    library_->plans.emplace(problem, std::nullopt);
    return nullptr;
  }
  if (logs()) {
    const ConvolutionPlan& plan = plans[*best];
    std::clog << "plan: " << describe(problem) << ": engine " << plan.engine << ", workspace of " << plan.workspace << " bytes"
              << included(plan.form) << (timed() ? ", the fastest\n" : ", cuDNN's first choice\n");
  }
  return &*library_->plans.emplace(problem, std::move(plans[*best])).first->second;
}

void CudnnConvolutions::execute(const ConvolutionPlan& plan, const ConvolutionAddresses& at) {
  Tensor workspace(context_, {plan.workspace}, DType::u8);
  std::array<const void*, 9> pointers{at.x, at.w, at.y};
  std::array<std::int64_t, 9> ids{kTensorX, kTensorW, kTensorY};
  std::int64_t count = 3;
  const auto add = [&](const void* pointer, std::int64_t id) {
    const auto place = static_cast<std::size_t>(count++);
    pointers[place] = pointer, ids[place] = id;
  };
  if (plan.form.adds_bias) add(at.bias, kTensorBias);
  if (plan.form.ends && at.residual) add(at.residual, kTensorResidual);
  if (plan.form.normalises) add(at.factor, kTensorFactor), add(at.offset, kTensorOffset);
  if (plan.form.sums) add(at.sum, kTensorYSum), add(at.sum_of_squares, kTensorYSquares);
  const void* const scratch = workspace.data<std::uint8_t>();
  CudnnDescriptor variant(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
  variant.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.data(), count);
  variant.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids.data(), count);
  variant.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &scratch);
  variant.finalise("a variant pack");
  require_cudnn(cudnnBackendExecute(library_->handle, plan.execution.raw(), variant.raw()), "a convolution");
}

std::vector<ConvolutionPlan> CudnnConvolutions::plans(const ConvolutionProblem& problem, const ConvolutionForm& form, std::size_t most,
                                                      bool compiled, std::string* why) {
  const PlanRules rules{context_.options().tf32, context_.options().deterministic, compiled};
  return plans_of({.handle = library_->handle}, problem, form, rules, most, why);
}

// One plan, or several to be timed. Untimed, an engine that is compiled first is the last resort: it costs more than it gains.
std::vector<ConvolutionPlan> CudnnConvolutions::candidates(const ConvolutionProblem& problem, std::string* why) {
  std::vector<ConvolutionPlan> all;
  for (const bool compiled : {timed(), true}) {
    for (const ConvolutionForm& form : forms_of(problem)) {
      for (ConvolutionPlan& plan : plans(problem, form, timed() ? kTimedPlans : 1, compiled, why)) all.push_back(std::move(plan));
      if (!timed() && !all.empty()) return all;
    }
    if (!all.empty()) break;
  }
  return all;
}

// Nothing where none runs.
std::optional<std::size_t> CudnnConvolutions::fastest(const ConvolutionProblem& problem, const std::vector<ConvolutionPlan>& plans,
                                                      const std::function<void(const ConvolutionPlan&)>& run) {
  PLIANT_REQUIRE(DeviceError, !pliant::gpu::is_capturing(context_.stream()),
                 "plans are timed, and a graph is being captured: run the step once before it is captured");
  std::optional<std::size_t> best;
  double least = 0.0;
  for (std::size_t i = 0; i < plans.size(); ++i) {
    try {
      const double time = microseconds(context_.stream(), [&] { run(plans[i]); });
      if (logs()) {
        std::clog << "timed: " << describe(problem) << ": engine " << plans[i].engine << ", workspace of " << plans[i].workspace
                  << " bytes" << included(plans[i].form) << ", " << time << " us\n";
      }
      if (!best || time < least) best = i, least = time;
    } catch (const Error& error) {  // no memory for its workspace, or an engine that refuses after all
      if (logs()) std::clog << "timed: " << describe(problem) << ": engine " << plans[i].engine << ": " << error.what() << '\n';
    }
  }
  return best;
}

}  // namespace pliant::kernels::gpu
