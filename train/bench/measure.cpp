#include "train/bench/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "kernels/matrix_product.h"
#include "layers/op_cases/values.h"
#include "train/timing.h"

namespace pliant {

namespace {

constexpr int kMostCalls = 1000;  // in one sample

long times_interrupted() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_nivcsw;
}

Sample take_sample(Context& context, const std::function<void()>& run, int calls) {
  context.synchronize();
  const long before = times_interrupted();
  const Clock::time_point start = Clock::now();
  for (int call = 0; call < calls; ++call) run();
  context.synchronize();
  return {1e-3 * milliseconds_since(start) / calls, times_interrupted() == before};
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

struct Ceilings : Attachment {  // what was measured of a Context
  explicit Ceilings(Context&) {}
  std::map<std::int64_t, double> copies;
  double product = 0.0;
};

}  // namespace

CallTime summarise(const std::vector<Sample>& samples, int least) {
  PLIANT_REQUIRE(UsageError, !samples.empty() && least > 0, "a time needs at least one sample");
  std::vector<double> quiet, all;
  for (const Sample& sample : samples) {
    all.push_back(sample.seconds);
    if (sample.quiet) quiet.push_back(sample.seconds);
  }
  const CallTime counts{0.0, static_cast<int>(quiet.size()), static_cast<int>(all.size())};
  if (counts.quiet < least) {
    std::sort(all.begin(), all.end());
    all.resize(std::min(all.size(), static_cast<std::size_t>(least)));
    quiet = all;
  }
  return {quantile(quiet, 0.5), counts.quiet, counts.samples};
}

CallTime time_call(Context& context, const std::function<void()>& run, const SamplingOptions& options) {
  take_sample(context, run, 1);  // the first call allocates and loads
  const double first = take_sample(context, run, 1).seconds;
  const int calls = std::clamp(static_cast<int>(options.sample_seconds / std::max(first, 1e-9)), 1, kMostCalls);
  std::vector<Sample> samples;
  int quiet = 0;
  double spent = 0.0;
  const auto unfinished = [&] {
    if (static_cast<int>(samples.size()) < options.least) return samples.empty() || spent < 10.0 * options.seconds;
    return spent < options.seconds || (quiet < options.least && spent < 3.0 * options.seconds);
  };
  while (unfinished()) {
    samples.push_back(take_sample(context, run, calls));
    quiet += samples.back().quiet ? 1 : 0;
    spent += samples.back().seconds * calls;
  }
  return summarise(samples, options.least);
}

double copy_rate(Context& context, double bytes, const SamplingOptions& options) {
  const std::int64_t half = std::max<std::int64_t>(static_cast<std::int64_t>(bytes / 2), 1);
  double& rate = context.attachment<Ceilings>().copies[half];
  if (rate > 0.0) return rate;
  const Tensor from = Tensor::zeros(context, {half}, DType::u8);
  Tensor to = Tensor::zeros(context, {half}, DType::u8);
  rate = 2.0 * static_cast<double>(half) / time_call(context, [&] { copy(context, from, to); }, options).seconds;
  return rate;
}

double bytes_beyond_caches(const Context& context) { return context.backend() == Backend::gpu ? 0x1p30 : 0x1p29; }

double product_rate(Context& context) {
  double& rate = context.attachment<Ceilings>().product;
  if (rate > 0.0) return rate;
  const std::int64_t n = context.device() == Device::cuda ? 4096 : 1024;
  const Tensor a = random_tensor(context, {n, n}, DType::f32, 1), b = random_tensor(context, {n, n}, DType::f32, 2);
  Tensor c(context, {n, n});
  const double seconds = time_call(context, [&] { kernels::matrix_product(a, b, {}, {.transpose_b = true}, c); }).seconds;
  rate = 2.0 * static_cast<double>(n * n * n) / seconds;
  return rate;
}

}  // namespace pliant
