// Convolution by oneDNN, in f32 and, where the processor multiplies bf16, in that. Primitives are cached in the Context by shape;
// filters, and for Winograd also activations, are reordered inside the call and never leave it, but for inference. Only in builds with
// oneDNN (PLIANT_WITH_ONEDNN).
#pragma once

#include "kernels/conv2d.h"

namespace pliant::kernels::cpu {

// Shapes and errors as in kernels/conv2d.h; DeviceError where oneDNN fails. False: nothing was computed, as oneDNN has no fast
// implementation for this dtype and shape on this processor.
bool conv2d_onednn_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y);
// f(conv2d + bias), f identity or relu. The filter stays in the form that oneDNN wants, in the Context, until somebody asks to write into
// its memory: a second copy of it, for Winograd four times as large.
bool conv2d_onednn_inference(const Tensor& x, const Tensor& w, const Tensor& bias, Activation f, const Conv2dGeometry& geometry, Tensor& y);
bool conv2d_onednn_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx);
bool conv2d_onednn_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw);

struct OneDnnCounters {
  std::int64_t plans = 0;           // shapes and directions for which primitives were made
  std::int64_t winograd_plans = 0;  // those of them that use Winograd's algorithm
  std::int64_t runs = 0;            // convolutions computed
};
OneDnnCounters onednn_counters(Context& context);

}  // namespace pliant::kernels::cpu
