// Depthwise convolution: every channel is filtered alone, so the inner loops run over channels, which are contiguous. Filters are
// copied once per call to [R, S, C] for that reason. Sums in double for f64, in float for f32.
#include <algorithm>
#include <vector>

#include "kernels/conv2d_checks.h"
#include "kernels/cpu/through_f32.h"

namespace pliant::kernels::cpu {

namespace {

using std::int64_t;

constexpr int64_t kParallelProducts = 1 << 16;  // below, waking the other threads costs more than it saves
constexpr int kBlock = 32;  // channels whose sums stay in registers

// w [C, R, S, 1] as [R, S, C].
template <class T>
std::vector<T> channels_last(const T* w, const Conv2dSizes& z) {
  std::vector<T> result(static_cast<std::size_t>(z.taps()) * static_cast<std::size_t>(z.c));
  for (int64_t c = 0; c < z.c; ++c) {
    for (int64_t tap = 0; tap < z.taps(); ++tap) result[static_cast<std::size_t>(tap * z.c + c)] = w[c * z.taps() + tap];
  }
  return result;
}

// A pixel that a tap of the filter meets, and the tap's weights.
template <class T>
struct Meeting {
  const T *pixel, *weights;
};

// out[c] = start[c] + sum over the meetings of pixel[c] weights[c]; start may be null.
template <class T>
void weighted_sum(const std::vector<Meeting<T>>& meetings, const T* start, int channels, T* out) {
  int c = 0;
  for (; c + kBlock <= channels; c += kBlock) {
    T sum[kBlock];
    for (int i = 0; i < kBlock; ++i) sum[i] = start ? start[c + i] : T(0);
    for (const Meeting<T>& meeting : meetings) {
      for (int i = 0; i < kBlock; ++i) sum[i] += meeting.pixel[c + i] * meeting.weights[c + i];
    }
    for (int i = 0; i < kBlock; ++i) out[c + i] = sum[i];
  }
  for (; c < channels; ++c) {
    T sum = start ? start[c] : T(0);
    for (const Meeting<T>& meeting : meetings) sum += meeting.pixel[c] * meeting.weights[c];
    out[c] = sum;
  }
}

template <class T>
void forward(const T* x, const T* w, const T* bias, const Conv2dSizes& z, T* y) {
  const std::vector<T> weights = channels_last(w, z);
#pragma omp parallel if (z.products() > kParallelProducts)
  {
    std::vector<Meeting<T>> meetings;
    meetings.reserve(static_cast<std::size_t>(z.taps()));
#pragma omp for
    for (int64_t row = 0; row < int64_t{z.n} * z.p; ++row) {
      const int64_t n = row / z.p, top = row % z.p * z.stride - z.padding;
      for (int q = 0; q < z.q; ++q) {
        const int64_t left = int64_t{q} * z.stride - z.padding;
        meetings.clear();
        for (int tap = 0; tap < z.taps(); ++tap) {
          const int64_t h = top + int64_t{tap / z.s} * z.dilation, column = left + int64_t{tap % z.s} * z.dilation;
          if (h < 0 || h >= z.h || column < 0 || column >= z.w) continue;
          meetings.push_back({x + ((n * z.h + h) * z.w + column) * z.c, weights.data() + int64_t{tap} * z.c});
        }
        weighted_sum(meetings, bias, z.c, y + (row * z.q + q) * z.c);
      }
    }
  }
}

template <class T>
void backward_data(const T* dy, const T* w, const Conv2dSizes& z, T* dx) {
  const std::vector<T> weights = channels_last(w, z);
#pragma omp parallel if (z.products() > kParallelProducts)
  {
    std::vector<Meeting<T>> meetings;
    meetings.reserve(static_cast<std::size_t>(z.taps()));
#pragma omp for
    for (int64_t row = 0; row < int64_t{z.n} * z.h; ++row) {
      const int64_t n = row / z.h;
      for (int column = 0; column < z.w; ++column) {
        meetings.clear();
        for (int tap = 0; tap < z.taps(); ++tap) {
          const int64_t down = row % z.h + z.padding - int64_t{tap / z.s} * z.dilation;
          const int64_t right = column + z.padding - int64_t{tap % z.s} * z.dilation;
          if (down < 0 || right < 0 || down % z.stride != 0 || right % z.stride != 0) continue;
          const int64_t p = down / z.stride, q = right / z.stride;
          if (p >= z.p || q >= z.q) continue;
          meetings.push_back({dy + ((n * z.p + p) * z.q + q) * z.c, weights.data() + int64_t{tap} * z.c});
        }
        weighted_sum<T>(meetings, nullptr, z.c, dx + (row * z.w + column) * z.c);
      }
    }
  }
}

// sums [R, S, C] of one image: gradients of rows are added in float, images in double, so that long sums stay exact.
template <class T>
void add_image(const T* dy, const T* x, const Conv2dSizes& z, T* sums) {
  for (int p = 0; p < z.p; ++p) {
    for (int tap = 0; tap < z.taps(); ++tap) {
      const int64_t h = int64_t{p} * z.stride - z.padding + int64_t{tap / z.s} * z.dilation;
      if (h < 0 || h >= z.h) continue;
      T* __restrict__ sum = sums + int64_t{tap} * z.c;
      for (int q = 0; q < z.q; ++q) {
        const int64_t column = int64_t{q} * z.stride - z.padding + int64_t{tap % z.s} * z.dilation;
        if (column < 0 || column >= z.w) continue;
        const T* __restrict__ gradient = dy + (int64_t{p} * z.q + q) * z.c;
        const T* __restrict__ pixel = x + (h * z.w + column) * z.c;
        for (int c = 0; c < z.c; ++c) sum[c] += gradient[c] * pixel[c];
      }
    }
  }
}

// Groups of images are fixed, and added in order: the result does not depend on the number of threads.
template <class T>
void backward_filter(const T* dy, const T* x, const Conv2dSizes& z, T* dw) {
  const int groups = std::min(z.n, 32);
  const std::size_t size = static_cast<std::size_t>(z.taps()) * static_cast<std::size_t>(z.c);
  std::vector<double> partial(size * static_cast<std::size_t>(groups), 0.0);
#pragma omp parallel if (z.products() > kParallelProducts)
  {
    std::vector<T> image(size);
#pragma omp for schedule(static)
    for (int group = 0; group < groups; ++group) {
      double* sum = partial.data() + size * static_cast<std::size_t>(group);
      for (int64_t n = int64_t{group} * z.n / groups; n < int64_t{group + 1} * z.n / groups; ++n) {
        std::fill(image.begin(), image.end(), T(0));
        add_image(dy + n * z.p * z.q * z.c, x + n * z.h * z.w * z.c, z, image.data());
        for (std::size_t i = 0; i < size; ++i) sum[i] += static_cast<double>(image[i]);
      }
    }
  }
  for (int64_t c = 0; c < z.c; ++c) {
    for (int64_t tap = 0; tap < z.taps(); ++tap) {
      double sum = 0.0;
      for (int group = 0; group < groups; ++group) sum += partial[size * static_cast<std::size_t>(group) + static_cast<std::size_t>(tap * z.c + c)];
      T& gradient = dw[c * z.taps() + tap];
      gradient = static_cast<T>(gradient + sum);
    }
  }
}

}  // namespace

void depthwise_conv2d_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes sizes = check_depthwise("depthwise_conv2d", x, w, bias, y, geometry);
  if (is_16_bit(x.dtype())) return through_f32(depthwise_conv2d_forward, x, w, bias, geometry, y);
  dispatch_cpu(x.dtype(), "depthwise_conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    forward(x.data<T>(), w.data<T>(), bias ? bias.data<T>() : nullptr, sizes, y.data<T>());
  });
}

void depthwise_conv2d_backward_data(const Tensor& dy, const Tensor& w, const Conv2dGeometry& geometry, Tensor& dx) {
  const Conv2dSizes sizes = check_depthwise("gradient of depthwise_conv2d", dx, w, {}, dy, geometry);
  if (is_16_bit(dy.dtype())) return through_f32(depthwise_conv2d_backward_data, dy, w, geometry, dx);
  dispatch_cpu(dy.dtype(), "gradient of depthwise_conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    backward_data(dy.data<T>(), w.data<T>(), sizes, dx.data<T>());
  });
}

void depthwise_conv2d_backward_filter(const Tensor& dy, const Tensor& x, const Conv2dGeometry& geometry, Tensor& dw) {
  const Conv2dSizes sizes = check_depthwise("gradient of depthwise_conv2d", x, dw, {}, dy, geometry, FilterRole::gradient);
  if (is_16_bit(dy.dtype())) return through_f32(depthwise_conv2d_backward_filter, dy, x, geometry, dw);
  dispatch_cpu(dy.dtype(), "gradient of depthwise_conv2d", [&](auto tag) {
    using T = typename decltype(tag)::type;
    backward_filter(dy.data<T>(), x.data<T>(), sizes, dw.data<T>());
  });
}

}  // namespace pliant::kernels::cpu
