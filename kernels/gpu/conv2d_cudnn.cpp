// The convolutions of CUDA builds, by cuDNN's graph API. For each shape the first engine that its heuristics propose, that keeps
// full f32 precision and a fixed order of sums, and whose plan finalises. Plans live in the Context. Where none fits, the
// hand-written kernel computes, after one warning per shape.
#include "kernels/gpu/conv2d_cudnn.h"

#include <cudnn.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <iostream>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/memory_ops.h"
#include "kernels/gpu/channel_bias.h"
#include "kernels/gpu/conv2d_direct.h"

namespace pliant::kernels::gpu {

namespace {

using Direction = ConvolutionDirection;

constexpr std::int64_t kX = 1, kW = 2, kY = 3;                 // unique ids of the tensors, their gradients included
constexpr std::int64_t kMaxWorkspace = std::int64_t{1} << 30;  // bytes; plans that want more are passed over

void check(cudnnStatus_t status, const char* what) {
  PLIANT_REQUIRE(DeviceError, status == CUDNN_STATUS_SUCCESS, "cuDNN: ", what, " failed: ", cudnnGetErrorString(status));
}

// Owns one backend descriptor.
class Descriptor {
 public:
  explicit Descriptor(cudnnBackendDescriptorType_t type) { check(cudnnBackendCreateDescriptor(type, &raw_), "a descriptor"); }
  ~Descriptor() {
    if (raw_) cudnnBackendDestroyDescriptor(raw_);
  }
  Descriptor(Descriptor&& other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  Descriptor& operator=(Descriptor&& other) noexcept { return std::swap(raw_, other.raw_), *this; }

  template <class T>
  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, const T* values, std::int64_t count = 1) {
    check(cudnnBackendSetAttribute(raw_, name, type, count, values), "setting an attribute");
  }
  void set(cudnnBackendAttributeName_t name, std::int64_t value) { set(name, CUDNN_TYPE_INT64, &value); }
  void set(cudnnBackendAttributeName_t name, const Descriptor& value) { set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, &value.raw_); }
  template <std::size_t size>
  void set(cudnnBackendAttributeName_t name, const std::array<std::int64_t, size>& values) {
    set(name, CUDNN_TYPE_INT64, values.data(), static_cast<std::int64_t>(size));
  }
  bool try_finalise() { return cudnnBackendFinalize(raw_) == CUDNN_STATUS_SUCCESS; }
  void finalise(const char* what) { check(cudnnBackendFinalize(raw_), what); }
  cudnnBackendDescriptor_t raw() const { return raw_; }

 private:
  cudnnBackendDescriptor_t raw_ = nullptr;
};

// cuDNN names sizes N, C, H, W whatever the layout; the strides say that memory is N, H, W, C.
Descriptor tensor_nhwc(std::int64_t id, std::int64_t n, std::int64_t h, std::int64_t w, std::int64_t c) {
  Descriptor tensor(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const cudnnDataType_t type = CUDNN_DATA_FLOAT;
  tensor.set(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  tensor.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, &type);
  tensor.set(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, std::int64_t{4});  // parameters are views into an arena
  tensor.set(CUDNN_ATTR_TENSOR_DIMENSIONS, std::array{n, c, h, w});
  tensor.set(CUDNN_ATTR_TENSOR_STRIDES, std::array{h * w * c, std::int64_t{1}, w * c, c});
  tensor.finalise("a tensor descriptor");
  return tensor;
}

Descriptor geometry(const Conv2dSizes& z) {
  Descriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnDataType_t type = CUDNN_DATA_FLOAT;
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  const auto both = [](int value) { return std::array{std::int64_t{value}, std::int64_t{value}}; };
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, &type);
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, &mode);
  convolution.set(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, std::int64_t{2});
  convolution.set(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, both(z.padding));
  convolution.set(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, both(z.padding));
  convolution.set(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, both(z.stride));
  convolution.set(CUDNN_ATTR_CONVOLUTION_DILATIONS, both(z.dilation));
  convolution.finalise("a convolution descriptor");
  return convolution;
}

struct OperationNames {
  cudnnBackendDescriptorType_t type;
  cudnnBackendAttributeName_t alpha, beta, convolution, x, w, y;
};

OperationNames names_of(Direction direction) {
  switch (direction) {
    case Direction::forward:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_FORWARD_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_BETA, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_X, CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_FORWARD_Y};
    case Direction::backward_data:
      return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_DATA_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_ALPHA,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_BETA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_CONV_DESC,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DX, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_W,
              CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_DATA_DY};
    case Direction::backward_filter: break;
  }
  return {CUDNN_BACKEND_OPERATION_CONVOLUTION_BACKWARD_FILTER_DESCRIPTOR, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_ALPHA,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_BETA, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_CONV_DESC,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_X, CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DW,
          CUDNN_ATTR_OPERATION_CONVOLUTION_BWD_FILTER_DY};
}

// result = result beta + convolution.
Descriptor operation(const Conv2dSizes& z, Direction direction, float beta) {
  const OperationNames names = names_of(direction);
  Descriptor op(names.type);
  const float alpha = 1.0f;
  op.set(names.convolution, geometry(z));
  op.set(names.x, tensor_nhwc(kX, z.n, z.h, z.w, z.c));
  op.set(names.w, tensor_nhwc(kW, z.k, z.r, z.s, z.group_c));
  op.set(names.y, tensor_nhwc(kY, z.n, z.p, z.q, z.k));
  op.set(names.alpha, CUDNN_TYPE_FLOAT, &alpha);
  op.set(names.beta, CUDNN_TYPE_FLOAT, &beta);
  op.finalise("a convolution operation");
  return op;
}

// False for engines that round f32 inputs to TF32 or less, or whose sums have no fixed order.
bool is_acceptable(const Descriptor& configuration) {
  Descriptor engine(CUDNN_BACKEND_ENGINE_DESCRIPTOR);
  cudnnBackendDescriptor_t raw = engine.raw();
  std::int64_t count = 0;
  check(cudnnBackendGetAttribute(configuration.raw(), CUDNN_ATTR_ENGINECFG_ENGINE, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &count, &raw),
        "reading an engine");
  std::array<cudnnBackendNumericalNote_t, CUDNN_NUMERICAL_NOTE_TYPE_COUNT> notes;
  check(cudnnBackendGetAttribute(engine.raw(), CUDNN_ATTR_ENGINE_NUMERICAL_NOTE, CUDNN_TYPE_NUMERICAL_NOTE,
                                 static_cast<std::int64_t>(notes.size()), &count, notes.data()),
        "reading an engine's notes");
  return std::none_of(notes.begin(), notes.begin() + count, [](cudnnBackendNumericalNote_t note) {
    return note == CUDNN_NUMERICAL_NOTE_TENSOR_CORE || note == CUDNN_NUMERICAL_NOTE_DOWN_CONVERT_INPUTS ||
           note == CUDNN_NUMERICAL_NOTE_REDUCED_PRECISION_REDUCTION || note == CUDNN_NUMERICAL_NOTE_NONDETERMINISTIC ||
           note == CUDNN_NUMERICAL_NOTE_FFT || note == CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_6x6 ||
           note == CUDNN_NUMERICAL_NOTE_WINOGRAD_TILE_13x13;
  });
}

// Engine configurations, best first; empty where the heuristics have no answer.
std::vector<Descriptor> configurations(const Descriptor& graph, cudnnBackendHeurMode_t mode) {
  Descriptor heuristics(CUDNN_BACKEND_ENGINEHEUR_DESCRIPTOR);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_OPERATION_GRAPH, graph);
  heuristics.set(CUDNN_ATTR_ENGINEHEUR_MODE, CUDNN_TYPE_HEUR_MODE, &mode);
  std::vector<Descriptor> results;
  std::int64_t count = 0;
  if (!heuristics.try_finalise() ||
      cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr) !=
          CUDNN_STATUS_SUCCESS) {
    return results;
  }
  std::vector<cudnnBackendDescriptor_t> raw;
  for (std::int64_t i = 0; i < count; ++i) raw.push_back(results.emplace_back(CUDNN_BACKEND_ENGINECFG_DESCRIPTOR).raw());
  check(cudnnBackendGetAttribute(heuristics.raw(), CUDNN_ATTR_ENGINEHEUR_RESULTS, CUDNN_TYPE_BACKEND_DESCRIPTOR, count, &count,
                                 raw.data()),
        "reading the heuristics");
  results.erase(results.begin() + count, results.end());
  return results;
}

struct Plan {
  Descriptor execution;
  std::int64_t workspace;
  bool accumulates;  // adds into the filter gradient by itself
};

std::optional<Plan> first_plan(cudnnHandle_t handle, const Conv2dSizes& sizes, Direction direction, bool accumulate) {
  const Descriptor op = operation(sizes, direction, accumulate ? 1.0f : 0.0f);
  Descriptor graph(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, op);
  graph.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, &handle);
  if (!graph.try_finalise()) return std::nullopt;
  for (const cudnnBackendHeurMode_t mode : {CUDNN_HEUR_MODE_A, CUDNN_HEUR_MODE_FALLBACK}) {
    for (const Descriptor& configuration : configurations(graph, mode)) {
      if (!is_acceptable(configuration)) continue;
      Descriptor execution(CUDNN_BACKEND_EXECUTION_PLAN_DESCRIPTOR);
      execution.set(CUDNN_ATTR_EXECUTION_PLAN_HANDLE, CUDNN_TYPE_HANDLE, &handle);
      execution.set(CUDNN_ATTR_EXECUTION_PLAN_ENGINE_CONFIG, configuration);
      if (!execution.try_finalise()) continue;
      std::int64_t workspace = 0, count = 0;
      check(cudnnBackendGetAttribute(execution.raw(), CUDNN_ATTR_EXECUTION_PLAN_WORKSPACE_SIZE, CUDNN_TYPE_INT64, 1, &count,
                                     &workspace),
            "reading a plan's workspace");
      if (workspace <= kMaxWorkspace) return Plan{std::move(execution), workspace, accumulate};
    }
  }
  return std::nullopt;
}

// Compared as bytes: ints only.
struct Key {
  Conv2dSizes sizes;
  Direction direction;
  bool operator==(const Key& other) const { return std::memcmp(this, &other, sizeof *this) == 0; }
};
struct KeyHash {
  std::size_t operator()(const Key& key) const {
    return std::hash<std::string_view>{}({reinterpret_cast<const char*>(&key), sizeof key});
  }
};

class Cudnn : public Attachment {
 public:
  explicit Cudnn(Context& context) : context_(context) {
    check(cudnnCreate(&handle_), "cudnnCreate");
    check(cudnnSetStream(handle_, context.stream()), "cudnnSetStream");
  }
  ~Cudnn() override {
    plans_.clear();
    cudnnDestroy(handle_);
  }
  Cudnn(const Cudnn&) = delete;
  Cudnn& operator=(const Cudnn&) = delete;

  // The plan of a convolution, or null where the hand-written kernel must compute it.
  const Plan* find(const Conv2dSizes& sizes, Direction direction) {
    const auto known = plans_.find({sizes, direction});
    if (known != plans_.end()) return known->second ? &*known->second : nullptr;
    std::optional<Plan> plan = first_plan(handle_, sizes, direction, direction == Direction::backward_filter);
    if (!plan && direction == Direction::backward_filter) plan = first_plan(handle_, sizes, direction, false);
    ++(plan ? counters.plans : counters.fallbacks);
    if (!plan) {
      std::clog << "warning: cuDNN has no f32 plan for a convolution of " << sizes.n << " x " << sizes.h << " x " << sizes.w << " x "
                << sizes.c << " with " << sizes.k << " filters of " << sizes.r << " x " << sizes.s << " (stride " << sizes.stride
                << ", padding " << sizes.padding << ", dilation " << sizes.dilation << ", groups " << sizes.groups
                << "); the hand-written kernel computes it\n";
    }
    const auto& stored = plans_.emplace(Key{sizes, direction}, std::move(plan)).first->second;
    return stored ? &*stored : nullptr;
  }

  void run(const Plan& plan, const float* x, const float* w, const float* y) {
    Tensor workspace(context_, {plan.workspace}, DType::u8);
    const void* const pointers[] = {x, w, y};
    const void* const scratch = workspace.data<std::uint8_t>();
    Descriptor variant(CUDNN_BACKEND_VARIANT_PACK_DESCRIPTOR);
    variant.set(CUDNN_ATTR_VARIANT_PACK_DATA_POINTERS, CUDNN_TYPE_VOID_PTR, pointers, 3);
    variant.set(CUDNN_ATTR_VARIANT_PACK_UNIQUE_IDS, std::array{kX, kW, kY});
    variant.set(CUDNN_ATTR_VARIANT_PACK_WORKSPACE, CUDNN_TYPE_VOID_PTR, &scratch);
    variant.finalise("a variant pack");
    check(cudnnBackendExecute(handle_, plan.execution.raw(), variant.raw()), "a convolution");
  }

  CudnnCounters counters;

 private:
  Context& context_;
  cudnnHandle_t handle_ = nullptr;
  std::unordered_map<Key, std::optional<Plan>, KeyHash> plans_;
};

}  // namespace

void conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes sizes = check_conv2d("conv2d", x, w, bias, y, geometry);
  if (sizes.n == 0) return;
  Cudnn& cudnn = x.context().attachment<Cudnn>();
  const Plan* plan = cudnn.find(sizes, Direction::forward);
  if (!plan) return conv2d_direct_forward(x, w, bias, geometry, y);
  cudnn.run(*plan, x.data<float>(), w.data<float>(), y.data<float>());
  if (bias) add_channel_bias(bias, y);
}

void conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  const Conv2dSizes sizes = check_conv2d("gradient of conv2d", dx, w, {}, dy, geometry);
  if (sizes.n == 0) return;
  Cudnn& cudnn = dy.context().attachment<Cudnn>();
  const Plan* plan = cudnn.find(sizes, Direction::backward_data);
  if (!plan) return conv2d_direct_backward_data(dy, w, geometry, dx);
  cudnn.run(*plan, dx.data<float>(), w.data<float>(), dy.data<float>());
}

void conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  const Conv2dSizes sizes = check_conv2d("gradient of conv2d", x, dw, {}, dy, geometry);
  if (sizes.n == 0) return;
  Cudnn& cudnn = dy.context().attachment<Cudnn>();
  const Plan* plan = cudnn.find(sizes, Direction::backward_filter);
  if (!plan) return conv2d_direct_backward_filter(dy, x, geometry, dw);
  if (plan->accumulates) return cudnn.run(*plan, x.data<float>(), dw.data<float>(), dy.data<float>());
  Tensor gradient = Tensor::like(dw);
  cudnn.run(*plan, x.data<float>(), gradient.data<float>(), dy.data<float>());
  kernels::accumulate(gradient, dw);
}

void cudnn_describe(const Conv2dSizes& sizes, ConvolutionDirection direction) { operation(sizes, direction, 0.0f); }

CudnnCounters cudnn_counters(Context& context) { return context.attachment<Cudnn>().counters; }

}  // namespace pliant::kernels::gpu
