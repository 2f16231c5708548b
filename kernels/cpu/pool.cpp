#include "kernels/pool.h"

#include <algorithm>

#include "kernels/cpu/through_f32.h"
#include "kernels/pool_windows.h"

namespace pliant::kernels::cpu {

namespace {

// Below this size a loop is not worth waking the other threads.
constexpr std::int64_t kParallelSize = 1 << 15;

// Calls body(n, i, j, offset of pixel (i, j) of image n) for every pixel of n images of rows x columns, C values a
// pixel.
template <class Body>
void for_pixels(std::int64_t n, int rows, int columns, int channels, Body&& body) {
  const std::int64_t lines = n * rows;
#pragma omp parallel for schedule(static) if (lines * columns * channels > kParallelSize)
  for (std::int64_t line = 0; line < lines; ++line) {
    const int i = static_cast<int>(line % rows);
    for (int j = 0; j < columns; ++j) body(line / rows, i, j, (line * columns + j) * channels);
  }
}

template <class T>
void max_window(const T* image, const PoolSizes& s, int i, int j, T* __restrict best, std::int32_t* __restrict where) {
  const Span down = s.pixels_of(i, s.h), across = s.pixels_of(j, s.w);
  const std::int32_t first = down.begin * s.w + across.begin;
  const T* corner = image + static_cast<std::int64_t>(first) * s.c;
  std::copy(corner, corner + s.c, best);
  std::fill(where, where + s.c, first);
  for (int h = down.begin; h < down.end; ++h) {
    for (int w = across.begin; w < across.end; ++w) {
      const std::int32_t at = h * s.w + w;
      const T* __restrict pixel = image + static_cast<std::int64_t>(at) * s.c;
#pragma omp simd
      for (int c = 0; c < s.c; ++c) {
        const bool better =
            (pixel[c] > best[c]) | ((pixel[c] != pixel[c]) & (best[c] == best[c]));  // the first NaN wins
        best[c] = better ? pixel[c] : best[c];
        where[c] = better ? at : where[c];
      }
    }
  }
}

// The same for few channels: with their number known to the compiler the window stays in registers.
template <int channels, class T>
void max_narrow_window(const T* image, const PoolSizes& s, int i, int j, T* __restrict y, std::int32_t* __restrict chosen) {
  const Span down = s.pixels_of(i, s.h), across = s.pixels_of(j, s.w);
  const std::int32_t first = down.begin * s.w + across.begin;
  T best[channels];
  std::int32_t where[channels];
  for (int c = 0; c < channels; ++c) best[c] = image[static_cast<std::int64_t>(first) * channels + c];
  for (int c = 0; c < channels; ++c) where[c] = first;
  for (int h = down.begin; h < down.end; ++h) {
    for (int w = across.begin; w < across.end; ++w) {
      const std::int32_t at = h * s.w + w;
      const T* pixel = image + static_cast<std::int64_t>(at) * channels;
      for (int c = 0; c < channels; ++c) {
        const bool better = (pixel[c] > best[c]) | ((pixel[c] != pixel[c]) & (best[c] == best[c]));  // the first NaN wins
        best[c] = better ? pixel[c] : best[c];
        where[c] = better ? at : where[c];
      }
    }
  }
  for (int c = 0; c < channels; ++c) y[c] = best[c];
  for (int c = 0; c < channels; ++c) chosen[c] = where[c];
}

template <class T>
using MaxWindow = void (*)(const T* image, const PoolSizes& s, int i, int j, T* __restrict y, std::int32_t* __restrict chosen);

template <class T>
MaxWindow<T> max_window_for(int channels) {
  constexpr MaxWindow<T> narrow[] = {max_narrow_window<1, T>, max_narrow_window<2, T>, max_narrow_window<3, T>, max_narrow_window<4, T>,
                                     max_narrow_window<5, T>, max_narrow_window<6, T>, max_narrow_window<7, T>, max_narrow_window<8, T>};
  return channels >= 1 && channels <= 8 ? narrow[channels - 1] : max_window<T>;
}

}  // namespace

void max_pool_forward(const Tensor& x, const PoolGeometry& geometry, Tensor& y, Tensor& chosen) {
  const PoolSizes s = check_pool("max_pool_forward", "x", x, geometry, "y", y);
  check_chosen("max_pool_forward", chosen, y);
  if (is_16_bit(x.dtype())) return through_f32(max_pool_forward, x, geometry, y, chosen);
  dispatch_cpu(x.dtype(), "max_pool_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    std::int32_t* where = chosen.data<std::int32_t>();
    const auto window = max_window_for<T>(s.c);
    for_pixels(s.n, s.p, s.q, s.c, [&](std::int64_t n, int i, int j, std::int64_t at) {
      const T* image = in + n * s.h * s.w * s.c;
      window(image, s, i, j, out + at, where + at);
    });
  });
}

// Gathers: each pixel looks at the windows that cover it, so no two threads write to one place.
void max_pool_backward(const Tensor& dy, const Tensor& chosen, const PoolGeometry& geometry, Tensor& dx) {
  const PoolSizes s = check_pool("max_pool_backward", "dx", dx, geometry, "dy", dy);
  check_chosen("max_pool_backward", chosen, dy);
  if (is_16_bit(dy.dtype())) return through_f32(max_pool_backward, dy, chosen, geometry, dx);
  dispatch_cpu(dy.dtype(), "max_pool_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* gradients = dy.data<T>();
    const std::int32_t* where = chosen.data<std::int32_t>();
    T* out = dx.data<T>();
    for_pixels(s.n, s.h, s.w, s.c, [&](std::int64_t n, int h, int w, std::int64_t at) {
      const Span down = s.windows_of(h, s.p), across = s.windows_of(w, s.q);
      const std::int32_t pixel = h * s.w + w;
      T* __restrict sum = out + at;
      std::fill(sum, sum + s.c, T(0));
      for (int i = down.begin; i < down.end; ++i) {
        for (int j = across.begin; j < across.end; ++j) {
          const std::int64_t window = ((n * s.p + i) * s.q + j) * s.c;
          const T* __restrict gradient = gradients + window;
          const std::int32_t* __restrict from = where + window;
#pragma omp simd
          for (int c = 0; c < s.c; ++c) sum[c] += from[c] == pixel ? gradient[c] : T(0);
        }
      }
    });
  });
}

void average_pool_forward(const Tensor& x, const PoolGeometry& geometry, Tensor& y) {
  const PoolSizes s = check_pool("average_pool_forward", "x", x, geometry, "y", y);
  if (is_16_bit(x.dtype())) return through_f32(average_pool_forward, x, geometry, y);
  dispatch_cpu(x.dtype(), "average_pool_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    for_pixels(s.n, s.p, s.q, s.c, [&](std::int64_t n, int i, int j, std::int64_t at) {
      const Span down = s.pixels_of(i, s.h), across = s.pixels_of(j, s.w);
      T* __restrict mean = out + at;
      std::fill(mean, mean + s.c, T(0));
      for (int h = down.begin; h < down.end; ++h) {
        for (int w = across.begin; w < across.end; ++w) {
          const T* __restrict pixel = in + ((n * s.h + h) * s.w + w) * s.c;
#pragma omp simd
          for (int c = 0; c < s.c; ++c) mean[c] += pixel[c];
        }
      }
      const T share = T(1) / static_cast<T>(s.count(i, j));
#pragma omp simd
      for (int c = 0; c < s.c; ++c) mean[c] *= share;
    });
  });
}

void average_pool_backward(const Tensor& dy, const PoolGeometry& geometry, Tensor& dx) {
  const PoolSizes s = check_pool("average_pool_backward", "dx", dx, geometry, "dy", dy);
  if (is_16_bit(dy.dtype())) return through_f32(average_pool_backward, dy, geometry, dx);
  dispatch_cpu(dy.dtype(), "average_pool_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* gradients = dy.data<T>();
    T* out = dx.data<T>();
    for_pixels(s.n, s.h, s.w, s.c, [&](std::int64_t n, int h, int w, std::int64_t at) {
      const Span down = s.windows_of(h, s.p), across = s.windows_of(w, s.q);
      T* __restrict sum = out + at;
      std::fill(sum, sum + s.c, T(0));
      for (int i = down.begin; i < down.end; ++i) {
        for (int j = across.begin; j < across.end; ++j) {
          const T* __restrict gradient = gradients + ((n * s.p + i) * s.q + j) * s.c;
          const T share = T(1) / static_cast<T>(s.count(i, j));
#pragma omp simd
          for (int c = 0; c < s.c; ++c) sum[c] += share * gradient[c];
        }
      }
    });
  });
}

void global_average_pool_forward(const Tensor& x, Tensor& y) {
  const PoolSizes s = check_global_pool("global_average_pool_forward", x, y);
  if (is_16_bit(x.dtype())) return through_f32(global_average_pool_forward, x, y);
  dispatch_cpu(x.dtype(), "global_average_pool_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t pixels = static_cast<std::int64_t>(s.h) * s.w;
    const T share = T(1) / static_cast<T>(pixels);
    const T* in = x.data<T>();
    T* out = y.data<T>();
#pragma omp parallel for schedule(static) if (x.size() > kParallelSize)
    for (std::int64_t n = 0; n < s.n; ++n) {
      T* __restrict mean = out + n * s.c;
      std::fill(mean, mean + s.c, T(0));
      for (std::int64_t pixel = 0; pixel < pixels; ++pixel) {
        const T* __restrict values = in + (n * pixels + pixel) * s.c;
#pragma omp simd
        for (int c = 0; c < s.c; ++c) mean[c] += values[c];
      }
#pragma omp simd
      for (int c = 0; c < s.c; ++c) mean[c] *= share;
    }
  });
}

void global_average_pool_backward(const Tensor& dy, Tensor& dx) {
  const PoolSizes s = check_global_pool("global_average_pool_backward", dx, dy);
  if (is_16_bit(dy.dtype())) return through_f32(global_average_pool_backward, dy, dx);
  dispatch_cpu(dy.dtype(), "global_average_pool_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T share = T(1) / static_cast<T>(static_cast<std::int64_t>(s.h) * s.w);
    const T* gradients = dy.data<T>();
    T* out = dx.data<T>();
    for_pixels(s.n, s.h, s.w, s.c, [&](std::int64_t n, int, int, std::int64_t at) {
      const T* __restrict gradient = gradients + n * s.c;
      T* __restrict result = out + at;
#pragma omp simd
      for (int c = 0; c < s.c; ++c) result[c] = share * gradient[c];
    });
  });
}

}  // namespace pliant::kernels::cpu
