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

// The product that products and convolutions are compared with: the real kernel's, 4096^3 (cuBLAS on a card).
Workload peak_product();

struct Timing {
  double seconds = 0.0;
  double bytes_per_s = 0.0, of_copy = 0.0;      // 0 where arithmetic is the limit
  double flops_per_s = 0.0, of_product = 0.0;   // 0 where memory is
};

// The median of several calls of `workload`, each on a device that has finished everything else; many short calls in a row count as
// one, few long ones are repeated less often. copy: the rate of a copy of as many bytes is measured here, once per size;
// product_flops_per_s: that of peak_product(), or 0 while it is itself measured.
Timing time_workload(Context& context, const Workload& workload, double product_flops_per_s);

}  // namespace pliant::ladder
