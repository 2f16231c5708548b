// Pooling over NHWC. One thread per result, neighbours take neighbouring channels, so that every access of a warp is
// one run of memory. Windows that overlap are read again from the caches. Backward passes gather: a pixel sums over the
// windows that cover it, in reading order; no atomics, deterministic. f32, bf16 or f16 in memory, sums in f32. Bytes for windows apart and elements of b
// bytes: max b (x + y) + 4 y forward, the same backward; average b (x + y). Bound by memory.
#include "kernels/pool.h"

#include "core/gpu/launch.h"
#include "kernels/gpu/channel_tiles.cuh"
#include "kernels/pool_windows.h"

namespace pliant::kernels::gpu {

namespace {

// The result of a thread: blocks along x take lines (n, row), blocks along y parts of a line [columns, C].
struct Place {
  std::int64_t n;
  int row, column, c;
  std::int64_t at;  // in the array of results
};

__device__ Place place_of(int rows, int columns, int channels) {
  const auto line = static_cast<int>(blockIdx.x);
  const auto in_line = static_cast<std::int64_t>(blockIdx.y) * blockDim.x + threadIdx.x;
  const int length = columns * channels, column = in_line < length ? static_cast<int>(in_line) / channels : columns;
  return {line / rows, line % rows, column, static_cast<int>(in_line) - column * channels,
          static_cast<std::int64_t>(line) * length + in_line};
}

template <class T>
__global__ void max_pool_forward_kernel(const T* __restrict__ x,              // [N, H, W, C]
                                        PoolSizes s, T* __restrict__ y,       // [N, P, Q, C]
                                        std::int32_t* __restrict__ chosen) {  // [N, P, Q, C]
  const Place to = place_of(s.p, s.q, s.c);
  if (to.column >= s.q) return;
  const T* image = x + to.n * s.h * s.w * s.c + to.c;
  const Span down = s.pixels_of(to.row, s.h), across = s.pixels_of(to.column, s.w);
  std::int32_t where = down.begin * s.w + across.begin;
  float best = to_float(image[static_cast<std::int64_t>(where) * s.c]);
  for (int h = down.begin; h < down.end; ++h) {
    for (int w = across.begin; w < across.end; ++w) {
      const std::int32_t pixel = h * s.w + w;
      const float value = to_float(image[static_cast<std::int64_t>(pixel) * s.c]);
      const bool better = value > best || (value != value && best == best);  // the first NaN wins
      best = better ? value : best;
      where = better ? pixel : where;
    }
  }
  y[to.at] = from_float<T>(best);
  chosen[to.at] = where;
}

template <class T>
__global__ void max_pool_backward_kernel(const T* __restrict__ dy,
                                         const std::int32_t* __restrict__ chosen,  // [N, P, Q, C]
                                         PoolSizes s, T* __restrict__ dx) {        // [N, H, W, C]
  const Place to = place_of(s.h, s.w, s.c);
  if (to.column >= s.w) return;
  const std::int32_t pixel = to.row * s.w + to.column;
  const Span down = s.windows_of(to.row, s.p), across = s.windows_of(to.column, s.q);
  float sum = 0.0f;
  for (int i = down.begin; i < down.end; ++i) {
    for (int j = across.begin; j < across.end; ++j) {
      const std::int64_t window = ((to.n * s.p + i) * s.q + j) * s.c + to.c;
      if (chosen[window] == pixel) sum += to_float(dy[window]);
    }
  }
  dx[to.at] = from_float<T>(sum);
}

template <class T>
__global__ void average_pool_forward_kernel(const T* __restrict__ x,           // [N, H, W, C]
                                            PoolSizes s, T* __restrict__ y) {  // [N, P, Q, C]
  const Place to = place_of(s.p, s.q, s.c);
  if (to.column >= s.q) return;
  const Span down = s.pixels_of(to.row, s.h), across = s.pixels_of(to.column, s.w);
  float sum = 0.0f;
  for (int h = down.begin; h < down.end; ++h) {
    for (int w = across.begin; w < across.end; ++w) sum += to_float(x[((to.n * s.h + h) * s.w + w) * s.c + to.c]);
  }
  y[to.at] = from_float<T>(sum / static_cast<float>(s.count(to.row, to.column)));
}

template <class T>
__global__ void average_pool_backward_kernel(const T* __restrict__ dy,           // [N, P, Q, C]
                                             PoolSizes s, T* __restrict__ dx) {  // [N, H, W, C]
  const Place to = place_of(s.h, s.w, s.c);
  if (to.column >= s.w) return;
  const Span down = s.windows_of(to.row, s.p), across = s.windows_of(to.column, s.q);
  float sum = 0.0f;
  for (int i = down.begin; i < down.end; ++i) {
    for (int j = across.begin; j < across.end; ++j) {
      sum += to_float(dy[((to.n * s.p + i) * s.q + j) * s.c + to.c]) / static_cast<float>(s.count(i, j));
    }
  }
  dx[to.at] = from_float<T>(sum);
}

// Blocks along x take images, along y tiles of channels; lanes share out the pixels of an image and are joined in a
// fixed order.
template <class T>
__global__ void global_average_forward_kernel(const T* __restrict__ x,       // [N, H W, C]
                                              Tiles t, T* __restrict__ y) {  // [N, C]
  __shared__ float sums[kTileThreads];
  const Share s = share_at<1>(t, blockIdx.y, 0);
  const std::int64_t n = blockIdx.x;
  const T* image = x + n * t.rows * t.channels;
  float sum = 0.0f;
  for (std::int64_t pixel = s.begin; s.channel < t.channels && pixel < s.end; pixel += s.lanes) {
    sum += to_float(image[pixel * t.channels + s.channel]);
  }
  sums[s.slot] = sum;
  join_lanes(s, [&](int slot, int other) { sums[slot] += sums[other]; });
  if (s.lane == 0 && s.channel < t.channels) {
    y[n * t.channels + s.channel] = from_float<T>(sums[s.slot] / static_cast<float>(t.rows));
  }
}

template <class T>
__global__ void global_average_backward_kernel(const T* __restrict__ dy,           // [N, C]
                                               PoolSizes s, T* __restrict__ dx) {  // [N, H, W, C]
  const Place to = place_of(s.h, s.w, s.c);
  if (to.column >= s.w) return;
  dx[to.at] = from_float<T>(to_float(dy[to.n * s.c + to.c]) / static_cast<float>(static_cast<std::int64_t>(s.h) * s.w));
}

// One thread per value of results [n, rows, columns, C]; short lines get short blocks.
template <class Kernel, class... Arguments>
void launch_lines(Kernel kernel, const Tensor& any, std::int64_t n, int rows, int columns, int channels,
                  Arguments... arguments) {
  const std::int64_t lines = n * rows, length = static_cast<std::int64_t>(columns) * channels;
  if (lines == 0) return;
  const std::int64_t threads = std::min<std::int64_t>(256, (length + 31) / 32 * 32),
                     parts = (length + threads - 1) / threads;
  PLIANT_REQUIRE(ShapeError, parts <= 65535, "pooling: lines of ", length, " values do not fit a grid");
  launch(kernel, dim3(static_cast<unsigned>(lines), static_cast<unsigned>(parts)),
                dim3(static_cast<unsigned>(threads)), 0, any.context().stream(), arguments...);
}

}  // namespace

void max_pool_forward(const Tensor& x, const PoolGeometry& geometry, Tensor& y, Tensor& chosen) {
  const PoolSizes s = check_pool("max_pool_forward", "x", x, geometry, "y", y);
  check_chosen("max_pool_forward", chosen, y);
  dispatch_gpu(x.dtype(), "max_pool_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_lines(max_pool_forward_kernel<T>, x, s.n, s.p, s.q, s.c, x.data<T>(), s, y.data<T>(), chosen.data<std::int32_t>());
  });
}

void max_pool_backward(const Tensor& dy, const Tensor& chosen, const PoolGeometry& geometry, Tensor& dx) {
  const PoolSizes s = check_pool("max_pool_backward", "dx", dx, geometry, "dy", dy);
  check_chosen("max_pool_backward", chosen, dy);
  dispatch_gpu(dy.dtype(), "max_pool_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_lines(max_pool_backward_kernel<T>, dy, s.n, s.h, s.w, s.c, dy.data<T>(), chosen.data<std::int32_t>(), s, dx.data<T>());
  });
}

void average_pool_forward(const Tensor& x, const PoolGeometry& geometry, Tensor& y) {
  const PoolSizes s = check_pool("average_pool_forward", "x", x, geometry, "y", y);
  dispatch_gpu(x.dtype(), "average_pool_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_lines(average_pool_forward_kernel<T>, x, s.n, s.p, s.q, s.c, x.data<T>(), s, y.data<T>());
  });
}

void average_pool_backward(const Tensor& dy, const PoolGeometry& geometry, Tensor& dx) {
  const PoolSizes s = check_pool("average_pool_backward", "dx", dx, geometry, "dy", dy);
  dispatch_gpu(dy.dtype(), "average_pool_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_lines(average_pool_backward_kernel<T>, dy, s.n, s.h, s.w, s.c, dy.data<T>(), s, dx.data<T>());
  });
}

void global_average_pool_forward(const Tensor& x, Tensor& y) {
  const PoolSizes s = check_global_pool("global_average_pool_forward", x, y);
  if (s.n == 0) return;
  const Tiles t = tiles_of(static_cast<std::int64_t>(s.h) * s.w, s.c, 1, 1, 1);
  PLIANT_REQUIRE(ShapeError, t.tiles <= 65535, "global_average_pool_forward: ", s.c, " channels do not fit a grid");
  dispatch_gpu(x.dtype(), "global_average_pool_forward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(global_average_forward_kernel<T>, dim3(static_cast<unsigned>(s.n), static_cast<unsigned>(t.tiles)), t.block(), 0,
           x.context().stream(), x.data<T>(), t, y.data<T>());
  });
}

void global_average_pool_backward(const Tensor& dy, Tensor& dx) {
  const PoolSizes s = check_global_pool("global_average_pool_backward", dx, dy);
  dispatch_gpu(dy.dtype(), "global_average_pool_backward", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_lines(global_average_backward_kernel<T>, dy, s.n, s.h, s.w, s.c, dy.data<T>(), s, dx.data<T>());
  });
}

}  // namespace pliant::kernels::gpu
