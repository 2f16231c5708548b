// cuDNN's convolutions of one Context: its handle, and for each problem one plan, made when it first comes: the first that cuDNN's
// heuristics propose, or with ContextOptions::timed_plans the fastest of several, our kernels behind them included. Where none fits, the
// hand-written kernel computes, after one warning per problem. Only in builds with CUDA.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/context.h"
#include "kernels/gpu/conv2d_cudnn.h"
#include "kernels/gpu/cudnn_plans.h"

namespace pliant::kernels::gpu {

// Of one call; null where the problem has no such tensor.
struct ConvolutionAddresses {
  const void* x;
  const void* w;
  const void* y;
  const void* bias = nullptr;
  const void* residual = nullptr;
  const void* sum = nullptr;             // of y, and of its squares: [K] f32, written
  const void* sum_of_squares = nullptr;
  const void* factor = nullptr;          // relu(factor x + offset) is convolved: [C] in the dtype of x
  const void* offset = nullptr;
};

// What the addresses, beside sizes and dtype, ask for.
ConvolutionProblem problem_of(const Conv2dSizes& sizes, ConvolutionDirection direction, DType dtype, const ConvolutionAddresses& at,
                              bool relu = false);

class CudnnConvolutions : public Attachment {
 public:
  explicit CudnnConvolutions(Context& context);
  ~CudnnConvolutions() override;
  CudnnConvolutions(const CudnnConvolutions&) = delete;
  CudnnConvolutions& operator=(const CudnnConvolutions&) = delete;

  // The plan of a problem, or null where the hand-written kernel must compute it. run(plan) computes the problem into memory that
  // may be overwritten: what is timed.
  const ConvolutionPlan* find(const ConvolutionProblem& problem, const std::function<void(const ConvolutionPlan&)>& run);

  // Plans of one form, cuDNN's first choice first: what find() chooses from.
  std::vector<ConvolutionPlan> plans(const ConvolutionProblem& problem, const ConvolutionForm& form, std::size_t most, bool compiled,
                                     std::string* why = nullptr);

  // What the plan's form includes, with the tensors that it needs of `at`.
  void execute(const ConvolutionPlan& plan, const ConvolutionAddresses& at);

  CudnnCounters counters;

 private:
  struct Library;  // the handle and the plans
  std::vector<ConvolutionPlan> candidates(const ConvolutionProblem& problem, std::string* why);
  std::optional<std::size_t> fastest(const ConvolutionProblem& problem, const std::vector<ConvolutionPlan>& plans,
                                     const std::function<void(const ConvolutionPlan&)>& run);
  bool timed() const { return context_.options().timed_plans; }
  bool logs() const { return context_.options().log_plans || context_.options().trace; }

  Context& context_;
  std::unique_ptr<Library> library_;
};

}  // namespace pliant::kernels::gpu
