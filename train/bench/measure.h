// Times of calls that can be compared: medians of quiet samples, beside what the same process measures of this machine, the rate of a
// copy and that of a matrix product. What is timed lies in train/bench/timed_ops.h.
#pragma once

#include <functional>
#include <vector>

#include "core/tensor.h"

namespace pliant {

struct SamplingOptions {
  double seconds = 0.3;          // to sample for, once there are the least; three times as long while too few are quiet
  double sample_seconds = 2e-3;  // calls shorter than that are timed several in a row, so that on a GPU launches are hidden
  int least = 5;                 // samples; fewer where one call takes longer than 10 x seconds / least
};

// A sample is quiet if the operating system took no core from this process while it ran.
struct Sample {
  double seconds = 0.0;  // of one call
  bool quiet = true;
};

struct CallTime {
  // Of one call: the median of the quiet samples. Where fewer than the least were quiet, of so many fastest ones, which were disturbed least.
  double seconds = 0.0;
  int quiet = 0, samples = 0;  // how many there were
};
CallTime summarise(const std::vector<Sample>& samples, int least);

// Calls `run` twice to warm up (pools, plans, caches), then in samples with the device synchronised around each.
CallTime time_call(Context& context, const std::function<void()>& run, const SamplingOptions& options = {});

// Bytes per second (read and written together) of a copy between two buffers that have `bytes` in total; on the CPU with all threads.
// Measured once per size and Context.
double copy_rate(Context& context, double bytes, const SamplingOptions& options = {.seconds = 0.1});
// More bytes than the caches of the device hold: copy_rate() of them is what memory gives.
double bytes_beyond_caches(const Context& context);

// Operations per second of a matrix product in f32 of n x n x n, n = 1024 on the CPU, 4096 on a GPU; a multiplication and an addition are
// two. Measured once per Context.
double product_rate(Context& context);

}  // namespace pliant
