// The convolutions of CUDA builds, by cuDNN. For each problem one plan, made when it first comes: the first that cuDNN's heuristics
// propose, or with ContextOptions::timed_plans the fastest of several, our kernels behind them included. Plans live in the Context.
// Where none fits, the hand-written kernel computes, after one warning per problem.
#include "kernels/gpu/conv2d_cudnn.h"

#include <cudnn.h>

#include <array>
#include <cstring>
#include <iostream>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "core/memory_ops.h"
#include "kernels/gpu/channel_bias.h"
#include "kernels/gpu/conv2d_direct.h"
#include "kernels/gpu/conv2d_tail.h"
#include "kernels/gpu/cudnn_plans.h"
#include "kernels/gpu/library_tensors.h"
#include "kernels/gpu/library_version.h"
#include "kernels/gpu/stream_timer.h"

namespace pliant::kernels::gpu {

namespace {

using Direction = ConvolutionDirection;

constexpr std::size_t kTimedPlans = 6;  // per form

struct ProblemHash {
  std::size_t operator()(const ConvolutionProblem& problem) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&problem), sizeof problem});
  }
};
struct SameBytes {
  bool operator()(const ConvolutionProblem& a, const ConvolutionProblem& b) const { return std::memcmp(&a, &b, sizeof a) == 0; }
};

struct Addresses {
  const void* x;
  const void* w;
  const void* y;
  const void* bias = nullptr;
  const void* residual = nullptr;
};

ConvolutionProblem problem_of(const Conv2dSizes& sizes, Direction direction, DType dtype, const Addresses& at, bool relu = false) {
  return {sizes, direction, static_cast<int>(dtype), at.bias != nullptr, at.residual != nullptr, relu,
          common_alignment({at.x, at.w, at.y, at.bias, at.residual})};
}

class Cudnn : public Attachment {
 public:
  explicit Cudnn(Context& context) : context_(context) {
    require_same_major("cuDNN", cudnn_versions());
    require_cudnn(cudnnCreate(&handle_), "cudnnCreate");
    require_cudnn(cudnnSetStream(handle_, context.stream()), "cudnnSetStream");
  }
  ~Cudnn() override {
    plans_.clear();
    cudnnDestroy(handle_);
  }
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  // The plan of a problem, or null where the hand-written kernel must compute it. run(plan) computes the problem into memory that
  // may be overwritten: what is timed.
  template <class Run>
  const ConvolutionPlan* find(const ConvolutionProblem& problem, const Run& run) {
    const auto known = plans_.find(problem);
    if (known != plans_.end()) return known->second ? &*known->second : nullptr;
    std::string why = "none is proposed that keeps the rules of the context";
    std::vector<ConvolutionPlan> plans = candidates(problem, &why);
    const std::optional<std::size_t> best = plans.size() < 2 ? first_of(plans) : fastest(problem, plans, run);
    ++(best ? counters.plans : counters.fallbacks);
    if (!best) {
      std::clog << "warning: cuDNN has no plan for the " << describe(problem) << " (" << why
                << "); the hand-written kernel computes it\n";
      plans_.emplace(problem, std::nullopt);
      return nullptr;
    }
    if (logs()) {
      const ConvolutionPlan& plan = plans[*best];
      std::clog << "plan: " << describe(problem) << ": engine " << plan.engine << ", workspace of " << plan.workspace << " bytes"
                << (plan.form.adds_bias ? ", bias included" : plan.form.accumulates ? ", sum included" : "")
                << (plan.form.ends ? ", residual and ReLU included" : "")
                << (timed() ? ", the fastest\n" : ", cuDNN's first choice\n");
    }
    return &*plans_.emplace(problem, std::move(plans[*best])).first->second;
  }

  void execute(const ConvolutionPlan& plan, const Addresses& at) {
    Tensor workspace(context_, {plan.workspace}, DType::u8);
    std::array<const void*, 5> pointers{at.x, at.w, at.y};
    std::array<std::int64_t, 5> ids{kTensorX, kTensorW, kTensorY};
    std::int64_t count = 3;
    const auto add = [&](const void* pointer, std::int64_t id) {
      const auto place = static_cast<std::size_t>(count++);
      pointers[place] = pointer, ids[place] = id;
    };
    if (plan.form.adds_bias) add(at.bias, kTensorBias);
    if (plan.form.ends && at.residual) add(at.residual, kTensorResidual);
    const void* const scratch = workspace.data<std::uint8_t>();
    CudnnDescriptor variant(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    variant.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers.data(), count);
    variant.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, CUDNN_TYPE_INT64, ids.data(), count);
    variant.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &scratch);
    variant.finalise("a variant pack");
    require_cudnn(cudnnBackendExecute(handle_, plan.execution.raw(), variant.raw()), "a convolution");
  }

  CudnnCounters counters;

 private:
  bool timed() const { return context_.options().timed_plans; }
  bool logs() const { return context_.options().log_plans || context_.options().trace; }
  static std::optional<std::size_t> first_of(const std::vector<ConvolutionPlan>& plans) {
    return plans.empty() ? std::nullopt : std::optional<std::size_t>(0);
  }

  // One plan, or several to be timed. Untimed, an engine that is compiled first is the last resort: it costs more than it gains.
  std::vector<ConvolutionPlan> candidates(const ConvolutionProblem& problem, std::string* why) {
    std::vector<ConvolutionPlan> all;
    PlanRules rules{context_.options().tf32, context_.options().deterministic, timed()};
    for (int round = 0; round < 2 && all.empty(); ++round, rules.compiled = true) {
      for (const ConvolutionForm& form : forms_of(problem)) {
        for (ConvolutionPlan& plan : plans_of({.handle = handle_}, problem, form, rules, timed() ? kTimedPlans : 1, why)) {
          all.push_back(std::move(plan));
        }
        if (!timed() && !all.empty()) return all;
      }
    }
    return all;
  }

  // Nothing where none runs.
  template <class Run>
  std::optional<std::size_t> fastest(const ConvolutionProblem& problem, const std::vector<ConvolutionPlan>& plans, const Run& run) {
    PLIANT_REQUIRE(DeviceError, !pliant::gpu::is_capturing(context_.stream()),
                   "plans are timed, and a graph is being captured: run the step once before it is captured");
    std::optional<std::size_t> best;
    double least = 0.0;
    for (std::size_t i = 0; i < plans.size(); ++i) {
      try {
        const double time = microseconds(context_.stream(), [&] { run(plans[i]); });
        if (logs()) {
          std::clog << "timed: " << describe(problem) << ": engine " << plans[i].engine << ", workspace of " << plans[i].workspace
                    << " bytes, " << time << " us\n";
        }
        if (!best || time < least) best = i, least = time;
      } catch (const Error& error) {  // no memory for its workspace, or an engine that refuses after all
        if (logs()) std::clog << "timed: " << describe(problem) << ": engine " << plans[i].engine << ": " << error.what() << '\n';
      }
    }
    return best;
  }

  Context& context_;
  cudnnHandle_t handle_ = nullptr;
  std::unordered_map<ConvolutionProblem, std::optional<ConvolutionPlan>, ProblemHash, SameBytes> plans_;
};

void forward(const char* op, const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
             const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes sizes = check_conv2d(op, x, w, bias, y, geometry);
  if (sizes.n == 0) return;
  Cudnn& cudnn = x.context().attachment<Cudnn>();
  const Addresses at{readable(op, x), readable(op, w), writable(op, y), bias ? readable(op, bias) : nullptr,
                     residual ? readable(op, residual) : nullptr};
  const auto run = [&](const ConvolutionPlan& plan) {
    cudnn.execute(plan, at);
    if (bias && !plan.form.adds_bias) add_channel_bias(bias, y);
    if (!plan.form.ends) add_conv2d_tail(residual, f, y);
  };
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, Direction::forward, x.dtype(), at, f == Activation::relu), run);
  if (plan) return run(*plan);
  conv2d_direct_forward(x, w, bias, geometry, y);
  add_conv2d_tail(residual, f, y);
}

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  forward("conv2d", x, w, bias, {}, Activation::identity, geometry, y);
}

void conv2d_dense_fused(const Tensor& x, const Tensor& w, const Tensor& bias, const Tensor& residual, Activation f,
                        const Conv2dGeometry& geometry, Tensor& y) {
  forward("conv2d_fused", x, w, bias, residual, f, geometry, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  constexpr const char* kOp = "gradient of conv2d";
  const Conv2dSizes sizes = check_conv2d(kOp, dx, w, {}, dy, geometry);
  if (sizes.n == 0) return;
  Cudnn& cudnn = dy.context().attachment<Cudnn>();
  const Addresses at{writable(kOp, dx), readable(kOp, w), readable(kOp, dy)};
  const auto run = [&](const ConvolutionPlan& plan) { cudnn.execute(plan, at); };
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, Direction::backward_data, dy.dtype(), at), run);
  if (!plan) return conv2d_direct_backward_data(dy, w, geometry, dx);
  run(*plan);
}

void conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  constexpr const char* kOp = "gradient of conv2d";
  const Conv2dSizes sizes = check_conv2d(kOp, x, dw, {}, dy, geometry, FilterRole::gradient);
  if (sizes.n == 0) return;
  Cudnn& cudnn = dy.context().attachment<Cudnn>();
  const auto add_to = [&](const ConvolutionPlan& plan, Tensor& sum) {
    if (plan.form.accumulates) return cudnn.execute(plan, {readable(kOp, x), writable(kOp, sum), readable(kOp, dy)});
    Tensor gradient(dy.context(), dw.shape(), plan.form.filter);
    cudnn.execute(plan, {readable(kOp, x), writable(kOp, gradient), readable(kOp, dy)});
    kernels::accumulate(gradient, sum);
  };
  const auto run = [&](const ConvolutionPlan& plan) {
    Tensor scratch = Tensor::zeros_like(dw);
    add_to(plan, scratch);
  };
  const Addresses at{readable(kOp, x), readable(kOp, dw), readable(kOp, dy)};
  const ConvolutionPlan* plan = cudnn.find(problem_of(sizes, Direction::backward_filter, dy.dtype(), at), run);
  if (!plan) return conv2d_direct_backward_filter(dy, x, geometry, dw);
  add_to(*plan, dw);
}

CudnnCounters cudnn_counters(Context& context) { return context.attachment<Cudnn>().counters; }

}  // namespace pliant::kernels::gpu
