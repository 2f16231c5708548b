// Plain loops for f64, and for f32 where the build has no oneDNN; 16 bits are computed in f32.
#include "kernels/matrix_product.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/matrix_product_onednn.h"
#include "kernels/cpu/through_f32.h"
#include "kernels/matrix_product_checks.h"

namespace pliant::kernels::cpu {

namespace {

#if defined(PLIANT_WITH_ONEDNN)
constexpr bool kOneDnn = true;
#else
constexpr bool kOneDnn = false;
#endif

// Row by row of c, sums in double. The inner loops run along rows of b as they lie in memory: over the columns of c, or over
// the terms of the sum where b is transposed.
template <class T>
void product(const T* a, const T* b, const ProductSizes& z, ProductOptions options, bool add, T* c) {
#pragma omp parallel if (z.m * z.n * z.l > 65536)
  {
    std::vector<double> sum(static_cast<std::size_t>(z.n));
#pragma omp for
    for (std::int64_t i = 0; i < z.m; ++i) {
      T* row = c + i * z.n;
      for (std::int64_t j = 0; j < z.n; ++j) sum[static_cast<std::size_t>(j)] = add ? static_cast<double>(row[j]) : 0.0;
      for (std::int64_t l = 0; l < z.l; ++l) {
        const auto factor = static_cast<double>(options.transpose_a ? a[l * z.m + i] : a[i * z.l + l]);
        if (options.transpose_b) {
          for (std::int64_t j = 0; j < z.n; ++j) sum[static_cast<std::size_t>(j)] += factor * static_cast<double>(b[j * z.l + l]);
        } else {
          const T* terms = b + l * z.n;
          for (std::int64_t j = 0; j < z.n; ++j) sum[static_cast<std::size_t>(j)] += factor * static_cast<double>(terms[j]);
        }
      }
      std::transform(sum.begin(), sum.end(), row, [](double value) { return static_cast<T>(value); });
    }
  }
}

}  // namespace

void matrix_product(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  const ProductSizes sizes = check_matrix_product(a, b, bias, options, c);
  if (is_16_bit(a.dtype())) {
    Tensor sum = options.accumulate || c.dtype() == DType::f32 ? in_f32(c) : Tensor(c.context(), c.shape(), DType::f32);
    matrix_product(in_f32(a), in_f32(b), bias, options, sum);
    if (is_16_bit(c.dtype())) round_into(sum, c);
    return;
  }
  dispatch_cpu(a.dtype(), "matrix_product", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* out = c.data<T>();
    if (bias) {
      for (std::int64_t i = 0; i < sizes.m; ++i) std::copy_n(bias.data<T>(), sizes.n, out + i * sizes.n);
    }
    const bool add = options.accumulate || bias;
    if (sizes.l == 0 || sizes.m == 0 || sizes.n == 0) {
      if (!add) std::fill_n(out, c.size(), T(0));
    } else if constexpr (kOneDnn && std::is_same_v<T, float>) {
      matrix_product_onednn(a.data<T>(), b.data<T>(), sizes, options, add, out);
    } else {
      product(a.data<T>(), b.data<T>(), sizes, options, add, out);
    }
  });
}

}  // namespace pliant::kernels::cpu
