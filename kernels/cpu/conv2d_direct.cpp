#include "kernels/cpu/conv2d_direct.h"

#include <algorithm>
#include <vector>

#include "kernels/conv2d_checks.h"

namespace pliant::kernels::cpu {

namespace {

using std::int64_t;

constexpr int64_t kParallelProducts = 1 << 16;  // below, waking the other threads costs more than it saves

// The input position that tap r reads for output position p, or -1 outside the image.
int input_position(const Conv2dSizes& z, int p, int r, int size) {
  const int64_t position = int64_t{p} * z.stride - z.padding + int64_t{r} * z.dilation;
  return position >= 0 && position < size ? static_cast<int>(position) : -1;
}

// The output position whose tap r reads input position h, or -1 if there is none.
int output_position(const Conv2dSizes& z, int h, int r, int size) {
  const int64_t distance = int64_t{h} + z.padding - int64_t{r} * z.dilation;
  if (distance < 0 || distance % z.stride != 0) return -1;
  const int64_t position = distance / z.stride;
  return position < size ? static_cast<int>(position) : -1;
}

// sum[i] += factor values[i]: the inner loop of all three, contiguous and without a dependence.
template <class T>
inline void add_scaled(double* __restrict__ sum, double factor, const T* __restrict__ values, int count) {
  for (int i = 0; i < count; ++i) sum[i] += factor * static_cast<double>(values[i]);
}

// w [K, R, S, C / groups] as [groups, R, S, C / groups, K / groups], so that the forward's inner loop runs over filters.
template <class T>
std::vector<T> filters_last(const T* w, const Conv2dSizes& z) {
  const int64_t rows = int64_t{z.taps()} * z.group_c;
  std::vector<T> result(static_cast<std::size_t>(rows * z.k));
  for (int64_t k = 0; k < z.k; ++k) {
    T* group = result.data() + k / z.group_k * rows * z.group_k;
    for (int64_t row = 0; row < rows; ++row) group[row * z.group_k + k % z.group_k] = w[k * rows + row];
  }
  return result;
}

template <class T>
void forward(const T* x, const T* w, const T* bias, const Conv2dSizes& z, T* y) {
  const std::vector<T> packed = filters_last(w, z);
  const int64_t rows = int64_t{z.n} * z.p, group_filters = int64_t{z.taps()} * z.group_c * z.group_k;
#pragma omp parallel if (z.products() > kParallelProducts)
  {
    std::vector<double> sum(static_cast<std::size_t>(z.k));
#pragma omp for
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t n = row / z.p;
      for (int q = 0; q < z.q; ++q) {
        for (int k = 0; k < z.k; ++k) sum[static_cast<std::size_t>(k)] = bias ? static_cast<double>(bias[k]) : 0.0;
        for (int r = 0; r < z.r; ++r) {
          const int h = input_position(z, static_cast<int>(row % z.p), r, z.h);
          for (int s = 0; s < z.s && h >= 0; ++s) {
            const int column = input_position(z, q, s, z.w);
            if (column < 0) continue;
            const T* pixel = x + ((n * z.h + h) * z.w + column) * z.c;
            for (int c = 0; c < z.c; ++c) {
              const int group = c / z.group_c;
              const int64_t filter = (int64_t{r * z.s + s} * z.group_c + c % z.group_c) * z.group_k;
              add_scaled(sum.data() + group * z.group_k, static_cast<double>(pixel[c]),
                         packed.data() + group * group_filters + filter, z.group_k);
            }
          }
        }
        std::transform(sum.begin(), sum.end(), y + (row * z.q + q) * z.k, [](double value) { return static_cast<T>(value); });
      }
    }
  }
}

template <class T>
void backward_data(const T* dy, const T* w, const Conv2dSizes& z, T* dx) {
  const int64_t rows = int64_t{z.n} * z.h, filter_size = int64_t{z.taps()} * z.group_c;
#pragma omp parallel if (z.products() > kParallelProducts)
  {
    std::vector<double> sum(static_cast<std::size_t>(z.c));
#pragma omp for
    for (int64_t row = 0; row < rows; ++row) {
      const int64_t n = row / z.h;
      for (int column = 0; column < z.w; ++column) {
        std::fill(sum.begin(), sum.end(), 0.0);
        for (int r = 0; r < z.r; ++r) {
          const int p = output_position(z, static_cast<int>(row % z.h), r, z.p);
          for (int s = 0; s < z.s && p >= 0; ++s) {
            const int q = output_position(z, column, s, z.q);
            if (q < 0) continue;
            const T* pixel = dy + ((n * z.p + p) * z.q + q) * z.k;
            for (int k = 0; k < z.k; ++k) {
              add_scaled(sum.data() + k / z.group_k * z.group_c, static_cast<double>(pixel[k]),
                         w + k * filter_size + int64_t{r * z.s + s} * z.group_c, z.group_c);
            }
          }
        }
        std::transform(sum.begin(), sum.end(), dx + (row * z.w + column) * z.c, [](double value) { return static_cast<T>(value); });
      }
    }
  }
}

template <class T>
void backward_filter(const T* dy, const T* x, const Conv2dSizes& z, T* dw) {
  const int64_t filters = int64_t{z.k} * z.taps();
#pragma omp parallel if (z.products() > kParallelProducts)
  {
    std::vector<double> sum(static_cast<std::size_t>(z.group_c));
#pragma omp for
    for (int64_t filter = 0; filter < filters; ++filter) {
      const int k = static_cast<int>(filter / z.taps()), tap = static_cast<int>(filter % z.taps());
      std::fill(sum.begin(), sum.end(), 0.0);
      for (int64_t row = 0; row < int64_t{z.n} * z.p; ++row) {
        const int h = input_position(z, static_cast<int>(row % z.p), tap / z.s, z.h);
        for (int q = 0; q < z.q && h >= 0; ++q) {
          const int column = input_position(z, q, tap % z.s, z.w);
          if (column < 0) continue;
          const T* pixel = x + ((row / z.p * z.h + h) * z.w + column) * z.c + k / z.group_k * z.group_c;
          add_scaled(sum.data(), static_cast<double>(dy[(row * z.q + q) * z.k + k]), pixel, z.group_c);
        }
      }
      T* gradient = dw + filter * z.group_c;
      for (int c = 0; c < z.group_c; ++c) gradient[c] = static_cast<T>(gradient[c] + sum[static_cast<std::size_t>(c)]);
    }
  }
}

}  // namespace

void conv2d_direct_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes sizes = check_conv2d("conv2d", x, w, bias, y, geometry);
  dispatch_cpu(x.dtype(), "conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    forward(x.data<T>(), w.data<T>(), bias ? bias.data<T>() : nullptr, sizes, y.data<T>());
  });
}

void conv2d_direct_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  const Conv2dSizes sizes = check_conv2d("gradient of conv2d", dx, w, {}, dy, geometry);
  dispatch_cpu(dy.dtype(), "gradient of conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    backward_data(dy.data<T>(), w.data<T>(), sizes, dx.data<T>());
  });
}

void conv2d_direct_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  const Conv2dSizes sizes = check_conv2d("gradient of conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  dispatch_cpu(dy.dtype(), "gradient of conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    backward_filter(dy.data<T>(), x.data<T>(), sizes, dw.data<T>());
  });
}

}  // namespace pliant::kernels::cpu
