#include "kernels/gpu/cudnn_plans.h"

#include <cudnn.h>

#include <algorithm>
#include <array>
#include <utility>

namespace pliant::kernels::gpu {

namespace {

// Tensor cores multiply f32 as TF32; 16-bit factors are exact in them. The large Winograd tiles and the Fourier transform lose more
// digits than sums in f32 do.
bool is_acceptable(cudnnBackendNumericalNote_t note, DType storage, const PlanRules& rules) {
  switch (note) {
    case CUDNN_NUMERICAL_NOTE_TENSOR_CORE: return storage != DType::f32 || rules.tf32;
    case CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC: return !rules.deterministic;
    case CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS:
    case CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION:
    case CUDNN_NUMERICAL_NOTE_FFT:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6:
    case CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13: return false;
    default: return true;
  }
}

template <class Note>
std::vector<Note> notes_of(const CudnnDescriptor& engine, cudnnBackendAttributeName_t attribute, cudnnBackendAttributeType_t type) {
  std::array<Note, 32> notes;  // more than a library of this major version knows
  std::int64_t count = 0;
  require_cudnn(
      cudnnBackendGetAttribute(engine.raw(), attribute, type, static_cast<std::int64_t>(notes.size()), &count, notes.data()),
      "reading an engine's notes");
  return {notes.begin(), notes.begin() + std::min(count, static_cast<std::int64_t>(notes.size()))};
}

bool is_acceptable(const CudnnDescriptor& engine, DType storage, const PlanRules& rules) {
  const auto numerical =
      notes_of<cudnnBackendNumericalNote_t>(engine, CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE);
  const auto behaviour = notes_of<cudnnBackendBehaviorNote_t>(engine, CUDNN_ATTR_ENGINE_BEHAVIOR_NOTE, CUDNN_TYPE_BEHAVIOR_NOTE);
  const bool compiled = std::count(behaviour.begin(), behaviour.end(), CUDNN_BEHAVIOR_NOTE_RUNTIME_COMPILATION) > 0;
  return (rules.compiled || !compiled) &&
         std::all_of(numerical.begin(), numerical.end(), [&](auto note) { return is_acceptable(note, storage, rules); });
}

// Engine configurations, best first; empty where the heuristics have no answer.
std::vector<CudnnDescriptor> configurations(const ConvolutionGraph& graph, cudnnBackendHeurMode_t mode, const PlanTarget& target,
                                            std::string* why) {
  CudnnDescriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set_descriptor(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph.graph());
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, &mode);
  if (target.described) heuristics.set_descriptor(CUDNN_ATTR_ENGINEHEUR_DEVICEPROP, *target.described);
  std::vector<CudnnDescriptor> results;
  std::int64_t count = 0;
  if (!heuristics.try_finalise("the heuristics", why) ||
      cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr) !=
          CUDNN_STATUS_SUCCESS) {
    return results;
  }
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < count; ++i) raw.push_back(results.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
  require_cudnn(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count,
                                         raw.data()),
                "reading the heuristics");
  results.erase(results.begin() + count, results.end());
  return results;
}

CudnnDescriptor engine_of(const CudnnDescriptor& configuration) {
  CudnnDescriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  std::int64_t count = 0;
  require_cudnn(
      cudnnBackendGetAttribute(configuration.raw(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw),
      "reading an engine");
  return engine;
}

}  // namespace

std::vector<ConvolutionPlan> plans_of(const PlanTarget& target, const ConvolutionProblem& problem, const ConvolutionForm& form,
                                      const PlanRules& rules, std::size_t most, std::string* why) {
  std::vector<ConvolutionPlan> plans;
  ConvolutionGraph graph(problem, form);
  if (!graph.try_finalise(target.handle, why)) return plans;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (CudnnDescriptor& configuration : configurations(graph, mode, target, why)) {
      if (plans.size() == most) return plans;
      const CudnnDescriptor engine = engine_of(configuration);
      if (!is_acceptable(engine, problem.storage(), rules)) continue;
      CudnnDescriptor execution(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      if (target.handle) execution.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, &target.handle);
      execution.set_descriptor(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      if (target.described) execution.set_descriptor(CUDNN_ATTR_EXECUTION_PLAN_DEVICEPROP, *target.described);
      if (!execution.try_finalise("a plan", why)) continue;
      const std::int64_t workspace = execution.size(CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE);
      if (workspace > kMaxWorkspace) continue;
      plans.push_back({form, engine.size(CUDNN_ATTR_ENGINE_GLOBAL_INDEX), workspace, std::move(configuration), std::move(execution)});
    }
  }
  return plans;
}

CudnnDescriptor described_device(const std::string& json) {
  CudnnDescriptor device(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  device.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, json.data(), static_cast<std::int64_t>(json.size()));
  device.finalise("the description of a device");
  return device;
}

}  // namespace pliant::kernels::gpu
