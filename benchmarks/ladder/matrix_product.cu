// c [M, N] = a [M, L] b [N, L]^T + bias, five times: what a linear layer computes. f32.
// 2 M N L operations; the fewest bytes are those of the three matrices, 4 (M L + N L + M N). For M = N = L = 4096 that is 137 GFLOP
// and 201 MB, 683 operations a byte: arithmetic is the limit, if every element that is fetched is used often enough. Two rates
// bound that use. A multiprocessor (Hopper's) does 128 multiply-adds and reads 128 bytes of shared memory a clock: to keep
// its arithmetic busy, a float from shared memory must serve 4 multiply-adds. And a card with 60 TFLOP/s in f32 and 4 TB/s needs 15
// operations for each byte from memory (fewer from the L2 cache). Each result is one sum in one order: the same bits every time.
// Where this ladder ends: the tensor cores. Their portable form (wmma) works on fragments that a whole warp holds in a layout of
// the hardware's choice, in 16-bit types or f32 rounded to 10 bits of mantissa (TF32): neither stands in the words that run under
// the emulator, nor would TF32 meet the 1e-5 that the results here are checked to. cuBLAS goes on there: tiles of 128 x 256 fetched
// by the copy engine, several slices ahead, multiplied by four warps at a time straight from shared memory; in bf16 a card like the
// H200 promises some 15 times the rate of its f32 arithmetic. In plain f32 it does what the last step does, with more shapes of
// tiles to choose from and with the terms split over blocks where M and N are small.
#include "benchmarks/ladder/ladder.h"
#include "benchmarks/ladder/product_tiles.cuh"
#include "kernels/matrix_product_checks.h"

namespace pliant::ladder {

namespace {

using kernels::ProductSizes;

constexpr int kSide = 16;  // of the tiles of step 2

// 1. threads. One thread per result, neighbours along a row of c. For each term a warp reads one element of a, shared by its lanes,
// and 32 elements of b, L floats apart: 33 sectors of 32 bytes for 32 multiply-adds. A load instruction for a broadcast, one for 32
// sectors, one multiply-add: the loads are all there is. If the caches kept nothing, 4096^3 would fetch 4096^3 x 33 bytes = 2.3 TB.
__global__ void product_threads_kernel(const float* a, const float* b, const float* bias, ProductSizes z, float* c) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x, row = i / z.n, column = i % z.n;
  if (row >= z.m) return;
  float sum = 0.0f;
  for (std::int64_t term = 0; term < z.l; ++term) sum += a[row * z.l + term] * b[column * z.l + term];
  c[i] = bias ? sum + bias[column] : sum;
}

// 2. shared. A block computes 16 x 16 results from slices of 16 terms that it stages in shared memory: every element fetched serves
// 16 results, 2 x 16^3 operations for 2 x 16^2 x 4 bytes, 4 a byte; with 4 TB/s that allows 16 TFLOP/s, and neighbouring lanes fetch
// neighbours. Now shared memory is the limit: a multiply-add needs two floats from there, one of them shared by 16 lanes. A warp's
// multiply-add, 1/4 of a clock of arithmetic, waits for two shared loads of a clock each: an eighth of the peak at best.
__global__ void product_shared_kernel(const float* a, const float* b, const float* bias, ProductSizes z, float* c) {
  __shared__ float slice_a[kSide][kSide + 1], slice_b[kSide][kSide + 1];  // [row][term]; + 1: 16 lanes at one term are in 16 banks
  const int x = static_cast<int>(threadIdx.x), y = static_cast<int>(threadIdx.y);
  const std::int64_t first_row = static_cast<std::int64_t>(blockIdx.x) * kSide, first_column = static_cast<std::int64_t>(blockIdx.y) * kSide;
  float sum = 0.0f;
  for (std::int64_t first = 0; first < z.l; first += kSide) {
    const bool inside = first + x < z.l;
    slice_a[y][x] = inside && first_row + y < z.m ? a[(first_row + y) * z.l + first + x] : 0.0f;
    slice_b[y][x] = inside && first_column + y < z.n ? b[(first_column + y) * z.l + first + x] : 0.0f;
    __syncthreads();
    for (int term = 0; term < kSide; ++term) sum += slice_a[y][term] * slice_b[x][term];
    __syncthreads();
  }
  const std::int64_t row = first_row + y, column = first_column + x;
  if (row < z.m && column < z.n) c[row * z.n + column] = bias ? sum + bias[column] : sum;
}

// 3. registers (kTile = 64). 4 x 4 results per thread: a quad of a and a quad of b serve 16 multiply-adds. A warp reads 16 quads of b
// (256 bytes) and 2 of a (32 bytes) per term, at best 3 clocks of shared memory for 16 x 32 multiply-adds, 4 clocks of arithmetic: the
// longer part for the first time. From memory 64 x 64 x 2 operations per 2 x 64 x 4 bytes, 16 a byte: just enough. But slices
// are fetched 4 bytes at a time, and the whole block waits for each slice to arrive.
//
// 4. wide (kTile = 128, 16-byte loads). 8 x 8 results per thread: at best 6 clocks of shared memory for 16 of arithmetic, and 32 operations
// a byte from memory. One load of 16 bytes per thread and operand fetches a slice. The price is 64 sums and 16 operands in registers:
// at up to 128 registers two blocks share a multiprocessor, 16 of its 64 warps, so there are few others to cover the wait for a slice.
//
// 5. double_buffered. So the wait is covered by the thread's own work: the next slice is under way while this one is multiplied (512
// multiply-adds a thread and slice, 16 warps: 2048 clocks, longer than a fetch), and a second pair of slices in shared memory saves
// one of the two barriers. Expected: nearer to the rate of cuBLAS in f32 than to half of it.
//
// The launch bounds name the blocks that have to fit on a multiprocessor: at most 128 registers a thread, or 64.
template <int kTile, bool kVector, bool kBuffered>
__global__ void __launch_bounds__(kProductThreads, kTile == 128 ? 2 : 4)
    product_tiles_kernel(const float* __restrict__ a, const float* __restrict__ b, const float* __restrict__ bias, ProductSizes z,
                         float* __restrict__ c) {
  tile_product<kTile, kBuffered>(MatrixRow<kTile, kVector>(a, static_cast<std::int64_t>(blockIdx.x) * kTile, z.m, z.l),
                                 MatrixRow<kTile, kVector>(b, static_cast<std::int64_t>(blockIdx.y) * kTile, z.n, z.l), z.l, z.m, z.n,
                                 [&](std::int64_t row, std::int64_t column, float sum) {
                                   c[row * z.n + column] = bias ? sum + bias[column] : sum;
                                 });
}

ProductSizes check(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, const Tensor& c) {
  PLIANT_REQUIRE(ConfigError, !options.transpose_a && options.transpose_b && !options.accumulate,
                 "the ladder's matrix products compute a b^T without accumulating; other options are not there");
  const ProductSizes z = kernels::check_matrix_product(a, b, bias, options, c);
  PLIANT_REQUIRE(ShapeError, z.n <= 65535 * kSide, "matrix_product: ", z.n, " columns do not fit the grid");
  return z;
}

template <class Kernel>
void start(Kernel* kernel, dim3 grid, dim3 block, const Tensor& a, const Tensor& b, const Tensor& bias, const ProductSizes& z, Tensor& c) {
  if (z.m == 0 || z.n == 0) return;
  launch(kernel, grid, block, 0, c.context().stream(), a.data<float>(), b.data<float>(), bias ? bias.data<float>() : nullptr, z,
         c.data<float>());
}

void threads(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  const ProductSizes z = check(a, b, bias, options, c);
  start(product_threads_kernel, dim3(product_tiles(z.m * z.n, 256)), dim3(256), a, b, bias, z, c);
}

void shared(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  const ProductSizes z = check(a, b, bias, options, c);
  start(product_shared_kernel, dim3(product_tiles(z.m, kSide), product_tiles(z.n, kSide)), dim3(kSide, kSide), a, b, bias, z, c);
}

template <int kTile, bool kVector, bool kBuffered>
void tiles(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  const ProductSizes z = check(a, b, bias, options, c);
  const auto aligned = [](const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.data<float>()) % 16 == 0; };
  const auto kernel = kVector && z.l % 4 == 0 && aligned(a) && aligned(b) ? product_tiles_kernel<kTile, kVector, kBuffered>
                                                                         : product_tiles_kernel<kTile, false, kBuffered>;
  start(kernel, dim3(product_tiles(z.m, kTile), product_tiles(z.n, kTile)), dim3(kProductThreads), a, b, bias, z, c);
}

}  // namespace

void product_double_buffered(const Tensor& a, const Tensor& b, const Tensor& bias, ProductOptions options, Tensor& c) {
  tiles<128, true, true>(a, b, bias, options, c);
}

std::vector<Step<Product>> product_steps() {
  return {{"threads", threads},
          {"shared", shared},
          {"registers", tiles<64, false, false>},
          {"wide", tiles<128, true, false>},
          {"double_buffered", product_double_buffered}};
}

}  // namespace pliant::ladder
