// Selection, masking, concatenation and sums over the last dimension; activations are seen as [rows, C], C innermost.
// A block of 256 threads takes a tile of whole rows, about 2048 elements: neighbouring threads touch neighbouring
// elements, and inside a tile a 32-bit division finds the row. f32, bf16 or f16 in memory, masks and sums in f32.
// Bytes per f32 element of y: gather, mask and copy 8, plus the index or mask, which stays in the caches; scatter is a
// gather by the inverse index. The channel sum reads x once and reduces in two stages of a fixed order. Deterministic.
#include "kernels/channels.h"

#include <utility>

#include "core/gpu/launch.h"
#include "kernels/channels_checks.h"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kThreads = 256, kTile = 2048;

struct Tiles {
  std::int64_t rows;
  unsigned width, rows_per_block;
};

// Calls f(row, column) for the elements of the block's tile that fall to this thread.
template <class F>
__device__ void for_tile(const Tiles& tiles, F f) {
  const std::int64_t first = static_cast<std::int64_t>(blockIdx.x) * tiles.rows_per_block, left = tiles.rows - first;
  const unsigned rows = left < tiles.rows_per_block ? static_cast<unsigned>(left) : tiles.rows_per_block;
  for (unsigned t = threadIdx.x; t < rows * tiles.width; t += blockDim.x) f(first + t / tiles.width, t % tiles.width);
}

// x [rows, C], index [K], y [rows, K]
template <class T>
__global__ void gather_channels_kernel(const T* x, std::int64_t c, const std::int32_t* index, T* y, Tiles tiles) {
  for_tile(tiles, [&](std::int64_t row, unsigned column) {
    const std::int32_t from = index[column];
    y[row * tiles.width + column] = from < 0 ? T{} : x[row * c + from];
  });
}

// readers[i] = the j with index[j] = i, or -1. One block; index [K], readers [C].
__global__ void invert_index_kernel(const std::int32_t* index, std::int64_t k, std::int32_t* readers, std::int64_t c) {
  for (std::int64_t i = threadIdx.x; i < c; i += blockDim.x) readers[i] = -1;
  __syncthreads();
  for (std::int64_t j = threadIdx.x; j < k; j += blockDim.x) {
    if (index[j] >= 0) readers[index[j]] = static_cast<std::int32_t>(j);
  }
}

// x, y [rows, C], mask [C]
template <class T>
__global__ void mask_channels_kernel(const T* x, const float* mask, T* y, Tiles tiles) {
  for_tile(tiles, [&](std::int64_t row, unsigned column) {
    const std::int64_t i = row * tiles.width + column;
    y[i] = from_float<T>(to_float(x[i]) * mask[column]);
  });
}

// Rows of tiles.width elements from one matrix into another; the steps are the distances between rows.
template <class T>
__global__ void copy_columns_kernel(const T* source, std::int64_t source_step, T* target, std::int64_t target_step,
                                    Tiles tiles) {
  for_tile(tiles, [&](std::int64_t row, unsigned column) {
    target[row * target_step + column] = source[row * source_step + column];
  });
}

constexpr unsigned kSumRows = 8;          // rows that a block reads at a time, 32 channels each
constexpr std::int64_t kSumBlocks = 128;  // most partial sums of a channel

// partial[b, j] = sum of x[i, j] over the rows of block b.  x [rows, C], block (32, 8), grid (ceil(C / 32), blocks)
template <class T>
__global__ void channel_sum_kernel(const T* x, std::int64_t rows, std::int64_t c, std::int64_t rows_per_block,
                                   float* partial) {
  __shared__ float sums[kSumRows][32];
  const std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * 32 + threadIdx.x;
  const std::int64_t first = blockIdx.y * rows_per_block,
                     end = first + rows_per_block < rows ? first + rows_per_block : rows;
  float sum = 0.0f;
  if (j < c) {
    for (std::int64_t i = first + threadIdx.y; i < end; i += kSumRows) sum += to_float(x[i * c + j]);
  }
  sums[threadIdx.y][threadIdx.x] = sum;
  __syncthreads();
  if (threadIdx.y != 0 || j >= c) return;
  for (unsigned i = 1; i < kSumRows; ++i) sum += sums[i][threadIdx.x];
  partial[blockIdx.y * c + j] = sum;
}

// sums[j] += sum over b of partial[b, j].  partial [blocks, C]
__global__ void add_partial_sums_kernel(const float* partial, std::int64_t blocks, float* sums, std::int64_t c) {
  const std::int64_t j = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (j >= c) return;
  float sum = 0.0f;
  for (std::int64_t b = 0; b < blocks; ++b) sum += partial[b * c + j];
  sums[j] += sum;
}

Tiles tiles_of(std::int64_t rows, std::int64_t width) {
  const auto columns = static_cast<unsigned>(width);
  return {rows, columns, width >= kTile ? 1u : kTile / (columns ? columns : 1u)};
}

template <class... P, class... A>
void launch_tiles(void (*kernel)(P...), const Tiles& tiles, pliant::gpu::Stream stream, A... args) {
  if (tiles.rows == 0 || tiles.width == 0) return;
  const std::int64_t blocks = (tiles.rows + tiles.rows_per_block - 1) / tiles.rows_per_block;
  launch(kernel, dim3(static_cast<unsigned>(blocks)), dim3(kThreads), 0, stream, args..., tiles);
}

}  // namespace

void gather_channels(const Tensor& x, const Tensor& index, Tensor& y) {
  check_gather("gather_channels", x, index, y);
  dispatch_gpu(x.dtype(), "gather_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_tiles(gather_channels_kernel<T>, tiles_of(rows_of(y.shape()), index.size()), x.context().stream(), x.data<T>(),
                 x.shape()[-1], index.data<std::int32_t>(), y.data<T>());
  });
}

void scatter_channels(const Tensor& dy, const Tensor& index, Tensor& dx) {
  check_gather("scatter_channels", dx, index, dy);
  const std::int64_t c = dx.shape()[-1];
  if (dx.size() == 0) return;
  Tensor readers(dx.context(), {c}, DType::i32);
  launch(invert_index_kernel, dim3(1), dim3(kThreads), 0, dx.context().stream(), index.data<std::int32_t>(),
         index.size(), readers.data<std::int32_t>(), c);
  dispatch_gpu(dy.dtype(), "scatter_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_tiles(gather_channels_kernel<T>, tiles_of(rows_of(dx.shape()), c), dx.context().stream(), dy.data<T>(), dy.shape()[-1],
                 std::as_const(readers).data<std::int32_t>(), dx.data<T>());
  });
}

void mask_channels(const Tensor& x, const Tensor& mask, Tensor& y) {
  check_mask(x, mask, y);
  dispatch_gpu(x.dtype(), "mask_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_tiles(mask_channels_kernel<T>, tiles_of(rows_of(x.shape()), x.shape()[-1]), x.context().stream(), x.data<T>(),
                 mask.data<float>(), y.data<T>());
  });
}

void concat_channels(const std::vector<Tensor>& parts, Tensor& y) {
  check_parts("concat_channels", parts, y);
  dispatch_gpu(y.dtype(), "concat_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    T* target = y.data<T>();
    for (const Tensor& part : parts) {
      const std::int64_t width = part.shape()[-1];
      launch_tiles(copy_columns_kernel<T>, tiles_of(rows_of(y.shape()), width), y.context().stream(), part.data<T>(), width, target,
                   y.shape()[-1]);
      target += width;
    }
  });
}

void split_channels(const Tensor& y, std::vector<Tensor>& parts) {
  check_parts("split_channels", parts, y);
  dispatch_gpu(y.dtype(), "split_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* source = y.data<T>();
    for (Tensor& part : parts) {
      const std::int64_t width = part.shape()[-1];
      launch_tiles(copy_columns_kernel<T>, tiles_of(rows_of(y.shape()), width), y.context().stream(), source, y.shape()[-1],
                   part.data<T>(), width);
      source += width;
    }
  });
}

void channel_sum(const Tensor& x, Tensor& sums) {
  check_channel_sum(x, sums);
  const std::int64_t rows = rows_of(x.shape()), c = x.shape()[-1];
  if (x.size() == 0) return;
  // At least 64 rows a block, else the second stage costs more than the first.
  const std::int64_t wanted = (rows + 63) / 64, blocks = wanted < kSumBlocks ? wanted : kSumBlocks;
  const std::int64_t rows_per_block = (rows + blocks - 1) / blocks;
  Tensor partial(x.context(), {blocks, c});
  dispatch_gpu(x.dtype(), "channel_sum", [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch(channel_sum_kernel<T>, dim3(static_cast<unsigned>((c + 31) / 32), static_cast<unsigned>(blocks)), dim3(32, kSumRows), 0,
           x.context().stream(), x.data<T>(), rows, c, rows_per_block, partial.data<float>());
  });
  launch_1d(add_partial_sums_kernel, c, x.context().stream(), partial.data<float>(), blocks, sums.data<float>(), c);
}

}  // namespace pliant::kernels::gpu
