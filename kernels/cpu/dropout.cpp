#include "kernels/dropout.h"

#include <algorithm>

#include "kernels/cpu/through_f32.h"
#include "kernels/dropout_formula.h"

namespace pliant::kernels::cpu {

void dropout(const Tensor& x, const Tensor& key, const Tensor& samples, int layer, double p, Tensor& y) {
  check_dropout(x, key, samples, layer, p, y);
  if (x.size() == 0) return;
  if (is_16_bit(x.dtype())) return through_f32(dropout, x, key, samples, layer, p, y);
  dispatch_cpu(x.dtype(), "dropout", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    const std::int32_t *words = key.data<std::int32_t>(), *sample = samples.data<std::int32_t>();
    const std::int64_t n = x.shape()[0], length = x.size() / n, groups = (length + 3) / 4;
    const std::uint32_t threshold = dropout_threshold(p);
    const T scale = static_cast<T>(1.0 / (1.0 - p));
#pragma omp parallel for collapse(2) if (x.size() > 1 << 12)
    for (std::int64_t i = 0; i < n; ++i) {
      for (std::int64_t g = 0; g < groups; ++g) {
        const unsigned kept = kept_elements(words, sample[i], layer, static_cast<std::uint32_t>(g), threshold);
        for (std::int64_t j = 4 * g; j < std::min(length, 4 * g + 4); ++j) {
          out[i * length + j] = kept >> (j - 4 * g) & 1u ? scale * in[i * length + j] : T(0);
        }
      }
    }
  });
}

}  // namespace pliant::kernels::cpu
