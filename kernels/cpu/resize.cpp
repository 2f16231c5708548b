#include "kernels/resize.h"

#include <vector>

#include "kernels/cpu/through_f32.h"
#include "kernels/resize_formula.h"

namespace pliant::kernels::cpu {

namespace {

// A line of the result: two source lines [W, C] are blended into `line`, then its pixels into out [Q, C].
template <class T>
void resize_line(const T* upper, const T* lower, T share, const std::vector<Tap<T>>& columns, std::int64_t c,
                 std::vector<T>& line, T* out) {
  const auto length = static_cast<std::int64_t>(line.size());
  T* blended = line.data();
#pragma omp simd
  for (std::int64_t i = 0; i < length; ++i) blended[i] = blend(upper[i], lower[i], share);
  for (const Tap<T>& tap : columns) {
    const T *left = blended + tap.first * c, *right = blended + tap.second * c;
    for (std::int64_t j = 0; j < c; ++j) out[j] = blend(left[j], right[j], tap.share);
    out += c;
  }
}

}  // namespace

void bilinear_resize(const Tensor& x, Tensor& y) {
  check_bilinear_resize(x, y);
  if (is_16_bit(x.dtype())) return through_f32(bilinear_resize, x, y);
  dispatch_cpu(x.dtype(), "bilinear_resize", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t n = x.shape()[0], h = x.shape()[1], w = x.shape()[2], c = x.shape()[3], p = y.shape()[1],
                       q = y.shape()[2];
    const auto narrow = [](std::int64_t side) { return static_cast<std::int32_t>(side); };
    std::vector<Tap<T>> columns;
    for (std::int64_t j = 0; j < q; ++j) columns.push_back(bilinear_tap<T>(narrow(j), narrow(q), narrow(w)));
    const T* in = x.data<T>();
    T* out = y.data<T>();
#pragma omp parallel if (y.size() > 1 << 14)
    {
      std::vector<T> line(static_cast<std::size_t>(w * c));
#pragma omp for
      for (std::int64_t row = 0; row < n * p; ++row) {
        const Tap<T> tap = bilinear_tap<T>(narrow(row % p), narrow(p), narrow(h));
        const T* image = in + row / p * h * w * c;
        resize_line(image + tap.first * w * c, image + tap.second * w * c, tap.share, columns, c, line, out + row * q * c);
      }
    }
  });
}

}  // namespace pliant::kernels::cpu
