#include "kernels/drop_path.h"

#include <algorithm>

#include "kernels/cpu/through_f32.h"
#include "kernels/drop_path_formula.h"

namespace pliant::kernels::cpu {

void drop_rows(const Tensor& x, const Tensor& key, const Tensor& samples, int block, double survival, double factor,
               Tensor& y) {
  check_drop_rows(x, key, samples, block, survival, factor, y);
  if (x.size() == 0) return;
  if (is_16_bit(x.dtype())) return through_f32(drop_rows, x, key, samples, block, survival, factor, y);
  dispatch_cpu(x.dtype(), "drop_rows", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int32_t *words = key.data<std::int32_t>(), *sample = samples.data<std::int32_t>();
    const std::int64_t n = x.shape()[0], length = x.size() / n;
    const std::uint32_t threshold = survival_threshold(survival);
    const T scale = static_cast<T>(factor);
    const T* source = x.data<T>();
    T* target = y.data<T>();
#pragma omp parallel for if (x.size() > 1 << 14)
    for (std::int64_t i = 0; i < n; ++i) {
      const T* in = source + i * length;
      T* out = target + i * length;
      if (!row_survives(words, sample[i], block, threshold)) {
        std::fill_n(out, length, T(0));
        continue;
      }
#pragma omp simd
      for (std::int64_t j = 0; j < length; ++j) out[j] = scale * in[j];
    }
  });
}

}  // namespace pliant::kernels::cpu
