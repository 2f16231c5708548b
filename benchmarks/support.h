// What the programs over Google Benchmark share: the devices and a timed loop that reports rates next to the copy rate of the same
// process. Not part of the library; only programs include it, so it may show Google Benchmark.
#pragma once

#include <benchmark/benchmark.h>

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/inputs.h"
#include "train/bench/timed_ops.h"

namespace pliant::bench {

// "cpu" with all cores, and "cuda" where the build and the machine have it. They live until the program ends.
struct Place {
  std::string name;
  Context* context;
};
const std::vector<Place>& places();

// What one call of an operation does, for the report; 0: not reported.
struct Work {
  double bytes = 0.0;   // read and written
  double flops = 0.0;   // a multiplication and an addition are two
  double images = 0.0;
};

inline constexpr int kCallsOnGpu = 20;  // calls that are timed as one

// Calls `run` three times to warm up, then in a loop with the device synchronised around each timed call. Rates come from the median
// call, not from the mean: gbytes_per_s, of_copy (share of copy_rate), gflops_per_s, images_per_s, median_ms. late_requests counts what the
// pool asked the system for after warming up, grown_mib the peak of resident memory above that before the program's first row.
// On a GPU a timed call is several in a row, since one alone would measure its launch.
void measure(benchmark::State& state, Context& context, const Work& work, const std::function<void()>& run);

// Registers a row. `make` allocates its tensors and returns the call; it runs when the row does.
using MakeCall = std::function<std::function<void()>(Context& context)>;
void add_row(const Place& place, const std::string& name, const Work& work, MakeCall make);

// The same of an operation of the table; `make` makes its tensors.
using MakeTimedCall = std::function<TimedCall(Context& context)>;
void add_row(const Place& place, const std::string& name, MakeTimedCall make);

// Runs what was registered; the options are Google Benchmark's. Returns the exit code: 1 if a row failed or none ran.
int run_rows(int argc, char** argv);

}  // namespace pliant::bench
