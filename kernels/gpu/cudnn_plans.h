// The engines of cuDNN that can compute a convolution: what its heuristics propose, without those that break the rules of the
// Context. Owns nothing; who asks keeps the plans. Only in builds with CUDA.
#pragma once

#include <string>
#include <vector>

#include "kernels/gpu/cudnn_graph.h"

namespace pliant::kernels::gpu {

struct PlanRules {
  bool tf32 = false;           // engines may round f32 factors to TF32
  bool deterministic = true;   // engines must sum in a fixed order
  bool compiled = false;       // engines whose kernels cuDNN compiles when the plan is made, for seconds, may be taken
};

// For whom plans are made: the device of a handle, or one that a finalised descriptor of device properties describes, which needs no
// device here.
struct PlanTarget {
  void* handle = nullptr;
  const CudnnDescriptor* described = nullptr;
};

// An engine with its settings, ready to run. Sums are f32, never in less.
struct ConvolutionPlan {
  ConvolutionForm form;
  std::int64_t engine = 0;      // cuDNN's number of it
  std::int64_t workspace = 0;   // bytes
  CudnnDescriptor configuration, execution;
};

constexpr std::int64_t kMaxWorkspace = std::int64_t{1} << 30;  // bytes; plans that want more are passed over

// At most `most` plans for one form, cuDNN's first choice first. Where there is none, `why` receives the last reason.
std::vector<ConvolutionPlan> plans_of(const PlanTarget& target, const ConvolutionProblem& problem, const ConvolutionForm& form,
                                      const PlanRules& rules, std::size_t most, std::string* why = nullptr);

// Device properties from the JSON that cuDNN writes of a device. Throws DeviceError naming what cuDNN misses in it.
CudnnDescriptor described_device(const std::string& json);

}  // namespace pliant::kernels::gpu
