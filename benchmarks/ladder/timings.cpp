#include "benchmarks/ladder/versions.h"
#include "train/bench/measure.h"

namespace pliant::ladder {

Timing time_workload(Context& context, const Workload& workload, double product_flops_per_s) {
  Timing timing;
  timing.seconds = time_call(context, workload.make(context), {.seconds = 0.1}).seconds;
  if (workload.bytes > 0.0) {
    timing.bytes_per_s = workload.bytes / timing.seconds;
    timing.of_copy = timing.bytes_per_s / copy_rate(context, workload.bytes);
  }
  if (workload.flops > 0.0) {
    timing.flops_per_s = workload.flops / timing.seconds;
    if (product_flops_per_s > 0.0) timing.of_product = timing.flops_per_s / product_flops_per_s;
  }
  return timing;
}

}  // namespace pliant::ladder
