// Random tensors, and times that compare: the median, and the rate of a copy in the same process. Needs no library for benchmarks;
// support.h adds the loop over Google Benchmark.
#pragma once

#include <chrono>
#include <vector>

#include "core/tensor.h"

namespace pliant::bench {

Tensor random_tensor(Context& context, Shape shape, double low = -1.0, double high = 1.0);  // f32, always the same values
Tensor random_integers(Context& context, std::int64_t size, std::int32_t bound);            // i32 [size], 0..bound - 1

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start);
double median(std::vector<double> values);

inline constexpr int kCallsOnGpu = 20;  // calls that are timed as one

// Bytes per second (read and written together) of a copy between two buffers that have `bytes` in total, so that the copy
// lives in the same level of cache as an operation on as many bytes. Measured once per size and Context; the median of nine.
double copy_rate(Context& context, double bytes);

}  // namespace pliant::bench
