#include <algorithm>

#include "benchmarks/ladder/ladder.h"
#include "benchmarks/ladder/versions.h"
#include "benchmarks/timing.h"

namespace pliant::ladder {

namespace {

constexpr int kSamples = 9;
constexpr double kSampleSeconds = 0.02, kMostSeconds = 1.0;  // a sample of short calls; all samples of long ones

}  // namespace

Workload peak_product() {
  return {"product 4096 x 4096 x 4096", 0.0, 2.0 * 4096 * 4096 * 4096, [](Context& context) {
            return [a = bench::random_tensor(context, {4096, 4096}), b = bench::random_tensor(context, {4096, 4096}),
                    c = Tensor(context, {4096, 4096})]() mutable { kernels::matrix_product(a, b, {}, {.transpose_b = true}, c); };
          }};
}

Timing time_workload(Context& context, const Workload& workload, double product_flops_per_s) {
  const std::function<void()> run = workload.make(context);
  const auto seconds_of = [&](int calls) {
    context.synchronize();
    const auto start = bench::Clock::now();
    for (int call = 0; call < calls; ++call) run();
    context.synchronize();
    return bench::seconds_since(start) / calls;
  };
  seconds_of(1);  // the first call allocates and loads
  const double first = seconds_of(1);
  const int calls = std::clamp(static_cast<int>(kSampleSeconds / std::max(first, 1e-9)), 1, bench::kCallsOnGpu);
  std::vector<double> samples;
  if (calls == 1) samples.push_back(first);
  for (double spent = first; samples.empty() || (static_cast<int>(samples.size()) < kSamples && spent < kMostSeconds);) {
    samples.push_back(seconds_of(calls));
    spent += samples.back() * calls;
  }
  Timing timing;
  timing.seconds = bench::median(samples);
  if (workload.bytes > 0.0) {
    timing.bytes_per_s = workload.bytes / timing.seconds;
    timing.of_copy = timing.bytes_per_s / bench::copy_rate(context, workload.bytes);
  }
  if (workload.flops > 0.0) {
    timing.flops_per_s = workload.flops / timing.seconds;
    if (product_flops_per_s > 0.0) timing.of_product = timing.flops_per_s / product_flops_per_s;
  }
  return timing;
}

}  // namespace pliant::ladder
