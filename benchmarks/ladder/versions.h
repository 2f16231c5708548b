// Every step of the ladder in one form, whatever its operation: how it is checked and what it is timed on. The real kernel of each
// operation stands behind its steps as one more, "pliant". bench_ladder and the tests go through this list.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "core/context.h"

namespace pliant::ladder {

// One output of one step on one input, compared with plain loops in double on the CPU.
struct Comparison {
  std::string input;
  double difference = 0.0;  // relative to the largest value; infinity for NaN
  double tolerance = 0.0;
  std::string where;        // the worst element
};

struct Workload {
  std::string name;
  double bytes = 0.0;  // what the operation has to move at least, where memory limits it; else 0
  double flops = 0.0;  // a multiplication and an addition are two, where arithmetic limits it; else 0
  std::function<std::function<void()>(Context&)> make;  // allocates its tensors and returns the call
};

struct Version {
  std::string operation, step;
  std::function<std::vector<Comparison>(Context&)> check;  // on the inputs of the operation's OpCases, and at the edges of tiles
  std::vector<Workload> workloads;
};

std::vector<Version> versions();

struct Timing {
  double seconds = 0.0;
  double bytes_per_s = 0.0, of_copy = 0.0;      // 0 where arithmetic is the limit
  double flops_per_s = 0.0, of_product = 0.0;   // 0 where memory is
};

// The time that time_call() gives, beside the rate of a copy of as many bytes (copy_rate(), which measures it once per size), or of a
// product: product_flops_per_s, 0 for none.
Timing time_workload(Context& context, const Workload& workload, double product_flops_per_s);

}  // namespace pliant::ladder
