// How long work takes on a GPU, by the device's own clock. For choosing between plans at their first use; only in builds with CUDA.
#pragma once

#include <functional>

#include "core/gpu/runtime.h"

namespace pliant::kernels::gpu {

// Microseconds of one call of `work`, which enqueues on the stream: the least of three rounds of four calls, after one that is not
// timed. Waits for the stream.
double microseconds(pliant::gpu::Stream stream, const std::function<void()>& work);

}  // namespace pliant::kernels::gpu
