#include "benchmarks/timing.h"

#include <algorithm>
#include <cstring>
#include <map>
#include <utility>

#include "core/rng.h"

namespace pliant::bench {

namespace {

constexpr int kCopies = 9;  // timed copies per size

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

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
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

}  // namespace pliant::bench
