// Chooses the cross-shaped convolution of the CPU: f32 goes to matrix products of oneDNN where the build has it. The loops here are
// the specification: every sum in double, one output after another.
#include "kernels/conv2d_cross.h"

#include <algorithm>
#include <vector>

#include "kernels/conv2d_cross_checks.h"
#include "kernels/cpu/conv2d_cross_onednn.h"
#include "kernels/cpu/through_f32.h"

namespace pliant::kernels::cpu {

namespace {

using std::int64_t;

#if defined(PLIANT_WITH_ONEDNN)
constexpr bool kOneDnn = true;
#else
constexpr bool kOneDnn = false;
#endif

constexpr int64_t kParallelProducts = 1 << 16;  // below, waking the other threads costs more than it saves

bool parallel_pays(const CrossSizes& z) { return z.output_pixels() * z.weights() * z.k > kParallelProducts; }

template <class T>
void forward(const T* x, const T* w, const T* bias, const CrossSizes& z, T* y) {
#pragma omp parallel for if (parallel_pays(z))
  for (int64_t pixel = 0; pixel < z.output_pixels(); ++pixel) {
    for (int64_t k = 0; k < z.k; ++k) {
      double sum = bias ? static_cast<double>(bias[k]) : 0.0;
      for (int tap = 0; tap < kCrossTaps; ++tap) {
        const int64_t from = cross_input(z, pixel, tap);
        const T* filter = w + (k * kCrossTaps + tap) * z.c;
        for (int64_t c = 0; c < z.c && from >= 0; ++c) sum += static_cast<double>(x[from + c]) * static_cast<double>(filter[c]);
      }
      y[pixel * z.k + k] = static_cast<T>(sum);
    }
  }
}

template <class T>
void backward_data(const T* dy, const T* w, const CrossSizes& z, T* dx) {
#pragma omp parallel if (parallel_pays(z))
  {
    std::vector<double> sum(static_cast<std::size_t>(z.c));
#pragma omp for
    for (int64_t pixel = 0; pixel < z.input_pixels(); ++pixel) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (int tap = 0; tap < kCrossTaps; ++tap) {
        const int64_t reader = cross_output(z, pixel, tap);
        for (int64_t k = 0; k < z.k && reader >= 0; ++k) {
          const T* filter = w + (k * kCrossTaps + tap) * z.c;
          const auto slope = static_cast<double>(dy[reader * z.k + k]);
          for (int64_t c = 0; c < z.c; ++c) sum[static_cast<std::size_t>(c)] += slope * static_cast<double>(filter[c]);
        }
      }
      std::transform(sum.begin(), sum.end(), dx + pixel * z.c, [](double value) { return static_cast<T>(value); });
    }
  }
}

template <class T>
void backward_filter(const T* dy, const T* x, const CrossSizes& z, T* dw) {
#pragma omp parallel if (parallel_pays(z))
  {
    std::vector<double> sum(static_cast<std::size_t>(z.c));
#pragma omp for
    for (int64_t filter = 0; filter < int64_t{z.k} * kCrossTaps; ++filter) {
      std::fill(sum.begin(), sum.end(), 0.0);
      for (int64_t pixel = 0; pixel < z.output_pixels(); ++pixel) {
        const int64_t from = cross_input(z, pixel, static_cast<int>(filter % kCrossTaps));
        const auto slope = static_cast<double>(dy[pixel * z.k + filter / kCrossTaps]);
        for (int64_t c = 0; c < z.c && from >= 0; ++c) sum[static_cast<std::size_t>(c)] += slope * static_cast<double>(x[from + c]);
      }
      T* gradient = dw + filter * z.c;
      for (int64_t c = 0; c < z.c; ++c) gradient[c] = static_cast<T>(gradient[c] + sum[static_cast<std::size_t>(c)]);
    }
  }
}

}  // namespace

void conv2d_cross_forward(const Tensor& x, const Tensor& w, const Tensor& bias, int stride, Tensor& y) {
  const CrossSizes z = check_conv2d_cross("conv2d_cross", x, w, bias, y, stride);
  if (is_16_bit(x.dtype())) return through_f32(conv2d_cross_forward, x, w, bias, stride, y);
  if constexpr (kOneDnn) {
    if (x.dtype() == DType::f32) return conv2d_cross_onednn_forward(x, w, bias, z, y);
  }
  dispatch_cpu(x.dtype(), "conv2d_cross", [&](auto tag) {
    using T = typename decltype(tag)::type;
    forward(x.data<T>(), w.data<T>(), bias ? bias.data<T>() : nullptr, z, y.data<T>());
  });
}

void conv2d_cross_backward_data(const Tensor& dy, const Tensor& w, int stride, Tensor& dx) {
  const CrossSizes z = check_conv2d_cross("gradient of conv2d_cross", dx, w, {}, dy, stride);
  if (is_16_bit(dy.dtype())) return through_f32(conv2d_cross_backward_data, dy, w, stride, dx);
  if constexpr (kOneDnn) {
    if (dy.dtype() == DType::f32) return conv2d_cross_onednn_backward_data(dy, w, z, dx);
  }
  dispatch_cpu(dy.dtype(), "conv2d_cross", [&](auto tag) {
    using T = typename decltype(tag)::type;
    backward_data(dy.data<T>(), w.data<T>(), z, dx.data<T>());
  });
}

void conv2d_cross_backward_filter(const Tensor& dy, const Tensor& x, int stride, Tensor& dw) {
  const CrossSizes z = check_conv2d_cross("gradient of conv2d_cross", x, dw, {}, dy, stride, FilterRole::gradient);
  if (is_16_bit(dy.dtype())) return through_f32(conv2d_cross_backward_filter, dy, x, stride, dw);
  if constexpr (kOneDnn) {
    if (dy.dtype() == DType::f32) return conv2d_cross_onednn_backward_filter(dy, x, z, dw);
  }
  dispatch_cpu(dy.dtype(), "conv2d_cross", [&](auto tag) {
    using T = typename decltype(tag)::type;
    backward_filter(dy.data<T>(), x.data<T>(), z, dw.data<T>());
  });
}

}  // namespace pliant::kernels::cpu
