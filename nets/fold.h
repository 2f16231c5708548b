// A net for inference: batch norm that follows a convolution becomes part of its filter and bias, ReLU and the sum of a residual block
// part of its output, and filters stay in the form that the CPU's convolutions want (kernels/conv2d.h, conv2d_fused).
//   w'[k] = w[k] scale[k] / sqrt(variance[k] + epsilon),   b'[k] = shift[k] + (b[k] - mean[k]) scale[k] / sqrt(variance[k] + epsilon)
// (Jacob et al., "Quantization and training of neural networks", 2018, section 3.2).
#pragma once

#include "nets/net.h"

namespace pliant {

// The net in the same context, dtypes and with the same masks; it computes what eval mode computes, but for rounding. Batch norm that reads
// a sum or a concatenation (nets with pre-activation, dense nets) stays. Throws ConfigError for a net with several widths or one that is folded.
Net fold_batch_norms(const Net& net);

}  // namespace pliant
