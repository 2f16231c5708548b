// One convolution as a graph of cuDNN's operations. Needs no handle and no device. Only in builds with CUDA.
//   x [N, H, W, C]   w [K, R, S, C / groups]   y [N, P, Q, K], their gradients in their places; bias [K]; residual as y; sums are f32 throughout.
//   In front of a forward convolution relu(factor x + offset), [C] each in the dtype of x; behind it the sum of y and that of its squares, [K]
//   each, over all of its pixels.
#pragma once

#include <type_traits>
#include <vector>

#include "core/dtype.h"
#include "kernels/conv2d_checks.h"
#include "kernels/gpu/cudnn_descriptor.h"

namespace pliant::kernels::gpu {

enum class ConvolutionDirection : int { forward, backward_data, backward_filter };
const char* name_of(ConvolutionDirection direction);

// All that cuDNN's answer depends on, compared as bytes: ints only, so that there is no padding.
struct ConvolutionProblem {
  Conv2dSizes sizes{};
  ConvolutionDirection direction{};
  int dtype = 0;      // a DType: of x, w, y and their gradients, but for dw, which is f32
  int has_bias = 0, has_residual = 0, relu = 0;  // forward alone: y = f(convolution + bias + residual)
  int normed = 0;     // forward alone: what is convolved is relu(factor x + offset)
  int sums = 0;       // forward alone, without the three: batch normalisation of y follows, which starts from these sums
  int alignment = 0;  // bytes that divide every address

  DType storage() const { return static_cast<DType>(dtype); }
};
static_assert(std::has_unique_object_representations_v<ConvolutionProblem>);

// "forward of 128 x 32 x 32 x 16 with 16 filters of 3 x 3 (stride 1, padding 1, dilation 1, groups 1) in f32", for messages.
std::string describe(const ConvolutionProblem& problem);

// What the graph itself computes. What it leaves out, kernels of ours do behind it.
struct ConvolutionForm {
  bool adds_bias = false;
  bool normalises = false;      // x, where the problem says so
  bool ends = false;            // with the residual and ReLU, where the problem has them
  bool sums = false;            // takes those of y and of its squares
  bool accumulates = false;     // dw = dw + gradient instead of dw = gradient
  DType filter = DType::f32;    // dtype of w or dw in the graph
};
// The forms that compute a problem, the one that leaves least to do first.
std::vector<ConvolutionForm> forms_of(const ConvolutionProblem& problem);

// Names of the tensors in a variant pack.
constexpr std::int64_t kTensorX = 1, kTensorW = 2, kTensorY = 3, kTensorBias = 4, kTensorResidual = 5, kTensorYSum = 6, kTensorYSquares = 7,
                       kTensorFactor = 8, kTensorOffset = 9;
constexpr std::int64_t kTensorBetween = 10;  // and above: results without memory

// Operations with everything that they refer to. Throws DeviceError with cuDNN's reason where it refuses the description.
class ConvolutionGraph {
 public:
  ConvolutionGraph(const ConvolutionProblem& problem, const ConvolutionForm& form);

  // The graph for a handle; null: for a device that is described elsewhere. False, with cuDNN's reason, where it is not supported.
  bool try_finalise(void* handle, std::string* why);
  const CudnnDescriptor& graph() const { return graph_; }

 private:
  CudnnDescriptor& add(CudnnDescriptor part);
  const CudnnDescriptor& add_pointwise(int mode, const CudnnDescriptor& x, const CudnnDescriptor* b, const CudnnDescriptor& y);
  const CudnnDescriptor& add_normalisation(const ConvolutionProblem& problem, const CudnnDescriptor& x);
  void add_forward(const ConvolutionProblem& problem, const ConvolutionForm& form, const CudnnDescriptor& shape, const CudnnDescriptor& x,
                   const CudnnDescriptor& w, const CudnnDescriptor& y);

  std::vector<CudnnDescriptor> parts_;   // tensors and parameters, kept while the graph is
  std::vector<CudnnDescriptor> operations_;
  CudnnDescriptor graph_;
  std::int64_t between_ = kTensorBetween;  // the next name of a result without memory
};

}  // namespace pliant::kernels::gpu
