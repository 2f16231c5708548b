#include "benchmarks/inputs.h"

#include <algorithm>

#include "core/rng.h"

namespace pliant::bench {

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

}  // namespace pliant::bench
