#include "benchmarks/support.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <iostream>
#include <map>
#include <memory>
#include <utility>

#include "core/rng.h"

namespace pliant::bench {

namespace {

constexpr int kCopies = 9;          // timed copies per size
constexpr int kCallsOnGpu = 20;     // calls that are timed as one

bool row_failed = false;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

// On the CPU every thread copies its part.
void copy(Context& context, const Tensor& from, Tensor& to) {
  if (context.backend() == Backend::gpu) return to.copy_from(from);
  const std::uint8_t* source = from.data<std::uint8_t>();
  std::uint8_t* target = to.data<std::uint8_t>();
  const std::int64_t size = from.size(), parts = context.threads();
#pragma omp parallel for schedule(static)
  for (std::int64_t part = 0; part < parts; ++part) {
    const std::int64_t begin = size * part / parts, end = size * (part + 1) / parts;
    std::memcpy(target + begin, source + begin, static_cast<std::size_t>(end - begin));
  }
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

Tensor random_tensor(Context& context, Shape shape, double low, double high) {
  const RandomStream random(1, Purpose::synthetic, 0, 0);
  std::vector<float> values(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < values.size(); i += 4) {
    const auto words = random.words(i / 4);
    for (std::size_t j = i; j < std::min(i + 4, values.size()); ++j) {
      values[j] = static_cast<float>(low + (high - low) * static_cast<double>(words[j - i]) * 0x1p-32);
    }
  }
  return Tensor::from_host(context, shape, values);
}

Tensor random_integers(Context& context, std::int64_t size, std::int32_t bound) {
  const RandomStream random(2, Purpose::synthetic, 0, 0);
  std::vector<std::int32_t> values(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = static_cast<std::int32_t>(random.below(i, static_cast<std::uint32_t>(bound)));
  }
  return Tensor::from_host(context, {size}, values);
}

double copy_rate(Context& context, double bytes) {
  static std::map<std::pair<Context*, std::int64_t>, double> known;
  const std::int64_t half = std::max<std::int64_t>(static_cast<std::int64_t>(bytes / 2), 1);
  double& rate = known[{&context, half}];
  if (rate > 0.0) return rate;
  const Tensor from = Tensor::zeros(context, {half}, DType::u8);
  Tensor to = Tensor::zeros(context, {half}, DType::u8);
  const int calls = context.backend() == Backend::gpu ? kCallsOnGpu : 1;
  std::vector<double> seconds;
  for (int i = 0; i < kCopies; ++i) {
    context.synchronize();
    const auto start = Clock::now();
    for (int call = 0; call < calls; ++call) copy(context, from, to);
    context.synchronize();
    seconds.push_back(seconds_since(start) / calls);
  }
  rate = 2.0 * static_cast<double>(half) / median(seconds);
  return rate;
}

void measure(benchmark::State& state, Context& context, const Work& work, const std::function<void()>& run) {
  const int calls = context.backend() == Backend::gpu ? kCallsOnGpu : 1;
  run();
  context.synchronize();
  std::vector<double> seconds;
  for ([[maybe_unused]] auto iteration : state) {
    const auto start = Clock::now();
    for (int call = 0; call < calls; ++call) run();
    context.synchronize();
    seconds.push_back(seconds_since(start) / calls);
    state.SetIterationTime(seconds.back());
  }
  if (seconds.empty()) return;
  const double typical = median(seconds);
  state.counters["median_ms"] = 1e3 * typical;
  if (work.bytes > 0.0) {
    state.counters["gbytes_per_s"] = 1e-9 * work.bytes / typical;
    state.counters["of_copy"] = work.bytes / typical / copy_rate(context, work.bytes);
  }
  if (work.flops > 0.0) state.counters["gflops_per_s"] = 1e-9 * work.flops / typical;
  if (work.images > 0.0) state.counters["images_per_s"] = work.images / typical;
}

void add_row(const Place& place, const std::string& name, const Work& work, MakeCall make) {
  benchmark::RegisterBenchmark((place.name + "/" + name).c_str(),
                               [context = place.context, work, make = std::move(make)](benchmark::State& state) {
                                 try {
                                   measure(state, *context, work, make(*context));
                                 } catch (const Error& error) {
                                   row_failed = true;
                                   state.SkipWithError(error.what());
                                 }
                               })
      ->UseManualTime()
      ->Unit(benchmark::kMillisecond);
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
