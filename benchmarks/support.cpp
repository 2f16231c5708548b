#include "benchmarks/support.h"

#include <fstream>
#include <iostream>
#include <memory>
#include <string>
#include <utility>

#include "train/timing.h"

namespace pliant::bench {

namespace {

constexpr int kWarmUp = 3;  // calls; from then on nothing should ask the system for memory

bool row_failed = false;

// A size that Linux keeps of this process: VmRSS now, VmHWM at its peak; 0 elsewhere.
double resident_mib(const std::string& field) {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with(field + ":")) return std::stod(line.substr(field.size() + 1)) / 1024.0;
  }
  return 0.0;
}

double mib_at_first_row() {
  static const double mib = resident_mib("VmRSS");
  return mib;
}

template <class Body>
void register_row(const Place& place, const std::string& name, Body body) {
  benchmark::RegisterBenchmark((place.name + "/" + name).c_str(),
                               [context = place.context, body = std::move(body)](benchmark::State& state) {
                                 mib_at_first_row();
                                 try {
                                   body(state, *context);
                                 } catch (const Error& error) {
                                   row_failed = true;
                                   state.SkipWithError(error.what());
                                 }
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
}

}  // namespace

const std::vector<Place>& places() {
  static std::vector<std::unique_ptr<Context>> owned;
  static const std::vector<Place> all = [] {
    std::vector<Place> made;
    for (const Device device : {Device::cpu, Device::cuda}) {
      if (!is_usable(device)) continue;
      owned.push_back(std::make_unique<Context>(device));
      made.push_back({name_of(device), owned.back().get()});
    }
    return made;
  }();
  return all;
}

void measure(benchmark::State& state, Context& context, const Work& work, const std::function<void()>& run) {
  const int calls = context.backend() == Backend::gpu ? kCallsOnGpu : 1;
  for (int i = 0; i < kWarmUp; ++i) run();
  context.synchronize();
  const std::int64_t requests = context.pool().counters().driver_allocations;
  std::vector<double> seconds;
  for ([[maybe_unused]] auto iteration : state) {
    const auto start = Clock::now();
    for (int call = 0; call < calls; ++call) run();
    context.synchronize();
    seconds.push_back(1e-3 * milliseconds_since(start) / calls);
    state.SetIterationTime(seconds.back());
  }
  if (seconds.empty()) return;
  const double typical = quantile(seconds, 0.5);
  state.counters["median_ms"] = 1e3 * typical;
  state.counters["late_requests"] = static_cast<double>(context.pool().counters().driver_allocations - requests);
  if (work.bytes > 0.0) {
    state.counters["gbytes_per_s"] = 1e-9 * work.bytes / typical;
    state.counters["of_copy"] = work.bytes / typical / copy_rate(context, work.bytes);
  }
  if (work.flops > 0.0) state.counters["gflops_per_s"] = 1e-9 * work.flops / typical;
  if (work.images > 0.0) {
    state.counters["images_per_s"] = work.images / typical;
    state.counters["grown_mib"] = resident_mib("VmHWM") - mib_at_first_row();
  }
}

void add_row(const Place& place, const std::string& name, const Work& work, MakeCall make) {
  register_row(place, name, [work, make = std::move(make)](benchmark::State& state, Context& context) { measure(state, context, work, make(context)); });
}

void add_row(const Place& place, const std::string& name, MakeTimedCall make) {
  register_row(place, name, [make = std::move(make)](benchmark::State& state, Context& context) {
    const TimedCall call = make(context);
    measure(state, context, {.bytes = call.flops > 0.0 ? 0.0 : call.bytes, .flops = call.flops}, call.run);
  });
}

int run_rows(int argc, char** argv) {
  for (const Place& place : places()) {
    benchmark::AddCustomContext(place.name + "_threads", std::to_string(place.context->threads()));
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  if (benchmark::RunSpecifiedBenchmarks() == 0) {
    std::cerr << "no benchmark ran: --benchmark_filter matches none\n";
    return 1;
  }
  return row_failed ? 1 : 0;
}

}  // namespace pliant::bench
