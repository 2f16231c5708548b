#include "kernels/gpu/cudnn_graph.h"

#include <cudnn.h>

#include <array>
#include <utility>

namespace pliant::kernels::gpu {

namespace {

using Direction = ConvolutionDirection;

constexpr cudnnDataType_t kSumType = CUDNN_DATA_FLOAT;

cudnnDataType_t data_type(DType dtype) {
  switch (dtype) {
    case DType::f32: return CUDNN_DATA_FLOAT;
    case DType::bf16: return CUDNN_DATA_BFLOAT16;
    case DType::f16: return CUDNN_DATA_HALF;
    default: throw ShapeError(cat("conv2d: the GPU computes in f32, bf16 or f16, got ", dtype));
  }
}

struct TensorSizes {
  std::int64_t n, h, w, c;
};

// cuDNN names sizes N, C, H, W whatever the layout; the strides say that memory is N, H, W, C. A virtual tensor has no memory.
CudnnDescriptor tensor(std::int64_t id, const TensorSizes& z, DType dtype, std::int64_t alignment, bool is_virtual = false) {
  CudnnDescriptor result(CUDNN_BACKEND_TENSOR_DESCRIPTOR);
  const cudnnDataType_t type = data_type(dtype);
  result.set_size(CUDNN_ATTR_TENSOR_UNIQUE_ID, id);
  result.set(CUDNN_ATTR_TENSOR_DATA_TYPE, CUDNN_TYPE_DATA_TYPE, &type);
  result.set_size(CUDNN_ATTR_TENSOR_BYTE_ALIGNMENT, alignment);
  result.set_sizes(CUDNN_ATTR_TENSOR_DIMENSIONS, {z.n, z.c, z.h, z.w});
  result.set_sizes(CUDNN_ATTR_TENSOR_STRIDES, {z.h * z.w * z.c, 1, z.w * z.c, z.c});
  if (is_virtual) result.set(CUDNN_ATTR_TENSOR_IS_VIRTUAL, CUDNN_TYPE_BOOLEAN, &is_virtual);
  result.finalise("a tensor descriptor");
  return result;
}

CudnnDescriptor geometry(const Conv2dSizes& z) {
  CudnnDescriptor convolution(CUDNN_BACKEND_CONVOLUTION_DESCRIPTOR);
  const cudnnConvolutionMode_t mode = CUDNN_CROSS_CORRELATION;
  convolution.set(CUDNN_ATTR_CONVOLUTION_COMP_TYPE, CUDNN_TYPE_DATA_TYPE, &kSumType);
  convolution.set(CUDNN_ATTR_CONVOLUTION_CONV_MODE, CUDNN_TYPE_CONVOLUTION_MODE, &mode);
  convolution.set_size(CUDNN_ATTR_CONVOLUTION_SPATIAL_DIMS, 2);
  convolution.set_sizes(CUDNN_ATTR_CONVOLUTION_PRE_PADDINGS, {z.padding, z.padding});
  convolution.set_sizes(CUDNN_ATTR_CONVOLUTION_POST_PADDINGS, {z.padding, z.padding});
  convolution.set_sizes(CUDNN_ATTR_CONVOLUTION_FILTER_STRIDES, {z.stride, z.stride});
  convolution.set_sizes(CUDNN_ATTR_CONVOLUTION_DILATIONS, {z.dilation, z.dilation});
  convolution.finalise("a convolution descriptor");
  return convolution;
}

struct OperationNames {
  cudnnBackendDescriptorType_t kind;
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
CudnnDescriptor convolution(Direction direction, const CudnnDescriptor& shape, const CudnnDescriptor& x, const CudnnDescriptor& w,
                            const CudnnDescriptor& y, float beta) {
  const OperationNames names = names_of(direction);
  CudnnDescriptor result(names.kind);
  const float alpha = 1.0f;
  result.set_descriptor(names.convolution, shape);
  result.set_descriptor(names.x, x);
  result.set_descriptor(names.w, w);
  result.set_descriptor(names.y, y);
  result.set(names.alpha, CUDNN_TYPE_FLOAT, &alpha);
  result.set(names.beta, CUDNN_TYPE_FLOAT, &beta);
  result.finalise("a convolution operation");
  return result;
}

CudnnDescriptor pointwise(cudnnPointwiseMode_t mode) {
  CudnnDescriptor result(CUDNN_BACKEND_POINTWISE_DESCRIPTOR);
  const cudnnNanPropagation_t nan = CUDNN_PROPAGATE_NAN;
  result.set(CUDNN_ATTR_POINTWISE_MODE, CUDNN_TYPE_POINTWISE_MODE, &mode);
  result.set(CUDNN_ATTR_POINTWISE_MATH_PREC, CUDNN_TYPE_DATA_TYPE, &kSumType);
  if (mode == CUDNN_POINTWISE_RELU_FWD) result.set(CUDNN_ATTR_POINTWISE_NAN_PROPAGATION, CUDNN_TYPE_NAN_PROPOGATION, &nan);
  result.finalise("a pointwise descriptor");
  return result;
}

// y = x + b, b repeated along what it has one element of; or y = how(x) where b is null.
CudnnDescriptor pointwise_operation(const CudnnDescriptor& how, const CudnnDescriptor& x, const CudnnDescriptor* b, const CudnnDescriptor& y) {
  CudnnDescriptor result(CUDNN_BACKEND_OPERATION_POINTWISE_DESCRIPTOR);
  result.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_PW_DESCRIPTOR, how);
  result.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_XDESC, x);
  if (b) result.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_BDESC, *b);
  result.set_descriptor(CUDNN_ATTR_OPERATION_POINTWISE_YDESC, y);
  result.finalise("a pointwise operation");
  return result;
}

// Sums over everything but the channels.
CudnnDescriptor sums_operation(const CudnnDescriptor& y, const CudnnDescriptor& sum, const CudnnDescriptor& squares) {
  CudnnDescriptor result(CUDNN_BACKEND_OPERATION_GEN_STATS_DESCRIPTOR);
  const cudnnGenStatsMode_t mode = CUDNN_GENSTATS_SUM_SQSUM;
  result.set(CUDNN_ATTR_OPERATION_GENSTATS_MODE, CUDNN_TYPE_GENSTATS_MODE, &mode);
  result.set(CUDNN_ATTR_OPERATION_GENSTATS_MATH_PREC, CUDNN_TYPE_DATA_TYPE, &kSumType);
  result.set_descriptor(CUDNN_ATTR_OPERATION_GENSTATS_XDESC, y);
  result.set_descriptor(CUDNN_ATTR_OPERATION_GENSTATS_SUMDESC, sum);
  result.set_descriptor(CUDNN_ATTR_OPERATION_GENSTATS_SQSUMDESC, squares);
  result.finalise("an operation that sums channels");
  return result;
}

}  // namespace

const char* name_of(Direction direction) {
  switch (direction) {
    case Direction::forward: return "forward";
    case Direction::backward_data: return "data gradient";
    case Direction::backward_filter: return "filter gradient";
  }
  return "?";
}

std::string describe(const ConvolutionProblem& problem) {
  const Conv2dSizes& z = problem.sizes;
  return cat(name_of(problem.direction), " of ", z.n, " x ", z.h, " x ", z.w, " x ", z.c, " with ", z.k, " filters of ", z.r, " x ", z.s,
             " (stride ", z.stride, ", padding ", z.padding, ", dilation ", z.dilation, ", groups ", z.groups, ") in ", problem.storage(),
             problem.has_bias ? " with a bias" : "", problem.has_residual ? " onto a residual" : "", problem.relu ? " with ReLU" : "",
             problem.normed ? " behind batch normalisation" : "",
             problem.sums ? " in front of batch normalisation" : "");
}

std::vector<ConvolutionForm> forms_of(const ConvolutionProblem& problem) {
  const DType storage = problem.storage();
  if (problem.direction != Direction::backward_filter) {
    const bool biased = problem.has_bias != 0;
    std::vector<ConvolutionForm> forms;
    if (problem.normed) forms.push_back({.normalises = true, .sums = problem.sums != 0, .filter = storage});
    if (problem.sums) forms.push_back({.sums = true, .filter = storage});
    if (problem.has_residual || problem.relu) forms.push_back({.adds_bias = biased, .ends = true, .filter = storage});
    if (biased) forms.push_back({.adds_bias = true, .filter = storage});
    forms.push_back({.filter = storage});
    return forms;
  }
  std::vector<ConvolutionForm> forms{{.accumulates = true}, {}};
  if (storage != DType::f32) forms.push_back({.filter = storage});
  return forms;
}

ConvolutionGraph::ConvolutionGraph(const ConvolutionProblem& problem, const ConvolutionForm& form)
    : graph_(CUDNN_BACKEND_OPERATIONGRAPH_DESCRIPTOR) {
  const Conv2dSizes& z = problem.sizes;
  const DType storage = problem.storage();
  parts_.reserve(24);  // references into it stay valid
  const CudnnDescriptor& x = add(tensor(kTensorX, {z.n, z.h, z.w, z.c}, storage, problem.alignment));
  const CudnnDescriptor& w = add(tensor(kTensorW, {z.k, z.r, z.s, z.group_c}, form.filter, problem.alignment));
  const CudnnDescriptor& y = add(tensor(kTensorY, {z.n, z.p, z.q, z.k}, storage, problem.alignment));
  const CudnnDescriptor& shape = add(geometry(z));
  if (problem.direction == Direction::forward) {
    add_forward(problem, form, shape, x, w, y);
    return;
  }
  operations_.push_back(convolution(problem.direction, shape, x, w, y, form.accumulates ? 1.0f : 0.0f));
}

const CudnnDescriptor& ConvolutionGraph::add_pointwise(int mode, const CudnnDescriptor& x, const CudnnDescriptor* b, const CudnnDescriptor& y) {
  operations_.push_back(pointwise_operation(add(pointwise(static_cast<cudnnPointwiseMode_t>(mode))), x, b, y));
  return y;
}

// relu(factor x + offset), computed in f32 and rounded once.
const CudnnDescriptor& ConvolutionGraph::add_normalisation(const ConvolutionProblem& problem, const CudnnDescriptor& x) {
  const Conv2dSizes& z = problem.sizes;
  const auto result = [&](DType dtype) -> const CudnnDescriptor& {
    return add(tensor(between_++, {z.n, z.h, z.w, z.c}, dtype, problem.alignment, true));
  };
  const auto per_channel = [&](std::int64_t id) { return &add(tensor(id, {1, 1, 1, z.c}, problem.storage(), problem.alignment)); };
  const CudnnDescriptor& scaled = add_pointwise(CUDNN_POINTWISE_MUL, x, per_channel(kTensorFactor), result(DType::f32));
  const CudnnDescriptor& shifted = add_pointwise(CUDNN_POINTWISE_ADD, scaled, per_channel(kTensorOffset), result(DType::f32));
  return add_pointwise(CUDNN_POINTWISE_RELU_FWD, shifted, nullptr, result(problem.storage()));
}

// Each operation but the last writes a tensor without memory, which the next one reads.
void ConvolutionGraph::add_forward(const ConvolutionProblem& problem, const ConvolutionForm& form, const CudnnDescriptor& shape,
                                   const CudnnDescriptor& x, const CudnnDescriptor& w, const CudnnDescriptor& y) {
  const Conv2dSizes& z = problem.sizes;
  const bool onto = form.ends && problem.has_residual, relu = form.ends && problem.relu;
  int behind = form.adds_bias + onto + relu;  // operations after the convolution
  const auto next = [&]() -> const CudnnDescriptor& {
    return behind-- == 0 ? y : add(tensor(between_++, {z.n, z.p, z.q, z.k}, DType::f32, problem.alignment, true));
  };
  const CudnnDescriptor &read = form.normalises ? add_normalisation(problem, x) : x, &convolved = next();
  operations_.push_back(convolution(problem.direction, shape, read, w, convolved, 0.0f));
  const CudnnDescriptor* last = &convolved;
  const auto apply = [&](cudnnPointwiseMode_t mode, const CudnnDescriptor* b) { last = &add_pointwise(mode, *last, b, next()); };
  const auto per_channel = [&](std::int64_t id) -> const CudnnDescriptor& {
    return add(tensor(id, {1, 1, 1, z.k}, DType::f32, problem.alignment));
  };
  if (form.adds_bias) apply(CUDNN_POINTWISE_ADD, &per_channel(kTensorBias));
  if (onto) apply(CUDNN_POINTWISE_ADD, &add(tensor(kTensorResidual, {z.n, z.p, z.q, z.k}, problem.storage(), problem.alignment)));
  if (relu) apply(CUDNN_POINTWISE_RELU_FWD, nullptr);
  if (form.sums) operations_.push_back(sums_operation(y, per_channel(kTensorYSum), per_channel(kTensorYSquares)));
}

CudnnDescriptor& ConvolutionGraph::add(CudnnDescriptor part) { return parts_.emplace_back(std::move(part)); }

bool ConvolutionGraph::try_finalise(void* handle, std::string* why) {
  std::vector<void*> raw;
  for (const CudnnDescriptor& operation : operations_) raw.push_back(operation.raw());
  graph_.set(CUDNN_ATTR_OPERATIONGRAPH_OPS, CUDNN_TYPE_BACKEND_DESCRIPTOR, raw.data(), static_cast<std::int64_t>(raw.size()));
  if (handle) graph_.set(CUDNN_ATTR_OPERATIONGRAPH_HANDLE, CUDNN_TYPE_HANDLE, &handle);
  return graph_.try_finalise("an operation graph", why);
}

}  // namespace pliant::kernels::gpu
