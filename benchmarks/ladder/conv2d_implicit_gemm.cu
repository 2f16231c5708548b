// Convolution of one group as a matrix product, four times. f32, any geometry; y [N P Q, K] = u [N P Q, R S C] w [K, R S C]^T + bias,
// where row (n, p, q) of u holds the window of x that this pixel reads, taps first, channels last. The filters already are the
// second operand. The product's tiles (product_tiles.cuh) do not care where a convolution's pixels end: every tile is full but the
// last. 2 R S C operations per value of y; arithmetic is the limit once the operands arrive cheaply, and that is what changes here.
// Where this ends: see matrix_product.cu. cuDNN's kernels for f32 are these with more tiles to choose from; in TF32 and 16 bits the
// copy engine gathers windows itself (its im2col mode) and the tensor cores multiply from shared memory.
#include "benchmarks/ladder/ladder.h"
#include "benchmarks/ladder/product_tiles.cuh"
#include "kernels/conv2d_checks.h"

namespace pliant::ladder {

namespace {

using kernels::Conv2dSizes;

// 1. unfolded. u is written to memory, then multiplied: simple, and any product will do. x is read once or R S times from caches,
// but R S times as many bytes are written and read again: for 3 x 3, 64 channels to 64, a value of y costs 4 x 9 x 2 = 72 bytes for u
// beside the 8 of x and y. 1152 operations per 80 bytes are 14 a byte, at 4 TB/s 58 TFLOP/s: at 64 filters the bytes
// take as long as the products, one after the other; at 16, 288 operations per 80 bytes, four times as long. And u takes 9 times
// the memory of x.
__global__ void gemm_unfold_kernel(const float* x, Conv2dSizes z, float* u) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  const int c = static_cast<int>(i % z.c), tap = static_cast<int>(i / z.c % (z.r * z.s));
  const std::int64_t pixel = i / z.c / (z.r * z.s), n = pixel / z.q / z.p;
  if (n >= z.n) return;
  const int h = static_cast<int>(pixel / z.q % z.p) * z.stride - z.padding + tap / z.s * z.dilation;
  const int column = static_cast<int>(pixel % z.q) * z.stride - z.padding + tap % z.s * z.dilation;
  const bool inside = h >= 0 && h < z.h && column >= 0 && column < z.w;
  u[i] = inside ? x[((n * z.h + h) * z.w + column) * z.c + c] : 0.0f;
}

// 2. gathered. u is never written: when a slice is loaded, its elements are looked up in x. The 72 bytes are gone, x comes from
// the caches in all but the first reading. But each element costs divisions and remainders: the term into tap and channel, the tap
// into r and s, the pixel into n, p and q (which a compiler may move out of the loop). These are four to eight, at some 25
// instructions each or more, and a thread loads 4 elements of u per slice of 16 terms: 400 to 800 instructions of index arithmetic
// beside 16 x 16 = 256 multiply-adds. Expected: a quarter to two fifths of the product's rate.
struct GatheredRow {
  const float* x;
  Conv2dSizes z;
  std::int64_t pixel, term;

  __device__ GatheredRow(const float* x_, const Conv2dSizes& z_, std::int64_t first_row)
      : x(x_), z(z_), pixel(first_row + ProductTile<64>::loaded_row()), term(ProductTile<64>::first_term()) {}

  __device__ float element(std::int64_t at) const {
    const std::int64_t n = pixel / z.q / z.p;
    const int tap = static_cast<int>(at / z.c), c = static_cast<int>(at % z.c);
    if (n >= z.n || tap >= z.r * z.s) return 0.0f;
    const int h = static_cast<int>(pixel / z.q % z.p) * z.stride - z.padding + tap / z.s * z.dilation;
    const int column = static_cast<int>(pixel % z.q) * z.stride - z.padding + tap % z.s * z.dilation;
    return h < 0 || h >= z.h || column < 0 || column >= z.w ? 0.0f : x[((n * z.h + h) * z.w + column) * z.c + c];
  }
  __device__ float4 next() {
    const std::int64_t at = term;
    term += ProductTile<64>::kDepth;
    return float4{element(at), element(at + 1), element(at + 2), element(at + 3)};
  }
};

__global__ void __launch_bounds__(kProductThreads) gemm_gathered_kernel(const float* __restrict__ x, const float* __restrict__ w,
                                                                        const float* __restrict__ bias, Conv2dSizes z, float* __restrict__ y) {
  const std::int64_t terms = static_cast<std::int64_t>(z.r) * z.s * z.c, pixels = static_cast<std::int64_t>(z.n) * z.p * z.q;
  tile_product<64, false>(GatheredRow(x, z, static_cast<std::int64_t>(blockIdx.x) * 64),
                          MatrixRow<64, false>(w, static_cast<std::int64_t>(blockIdx.y) * 64, z.k, terms), terms, pixels, z.k,
                          [&](std::int64_t pixel, std::int64_t k, float sum) { y[pixel * z.k + k] = bias ? sum + bias[k] : sum; });
}

// 3. cursor (kVector = false). A thread always loads the same row of the tile, so its pixel is taken apart once, before the loop; and its
// terms only ever move forward, so (r, s, c) is a cursor that adds and wraps. No division is left in the loop, some ten
// instructions an element: 40 beside 256 multiply-adds. Expected: near the rate of step 3 of the product.
//
// 4. quads (kVector = true, kBuffered = true). Where C is a multiple of 4, four neighbouring terms are four channels of one pixel: one
// comparison with the edges and one load of 16 bytes for all of them; tiles of 128 where there are more than 64 filters, else 64,
// so that no half of a tile multiplies zeros; the next slice under way while this one is multiplied. The product's last step, fed
// from an image. Expected: the rate of the product; at few filters (16) a quarter of it at most, for 48 of 64 columns are
// empty. That is why small nets want kernels made for 16 channels.
template <int kTile, bool kVector>
struct CursorRow {
  const float* image;  // of sample n; null behind the last pixel
  int h, column;       // of tap (0, 0)
  int r, s, c;         // of the next term
  Conv2dSizes z;

  __device__ CursorRow(const float* x, const Conv2dSizes& z_, std::int64_t first_row) : h(0), column(0), r(0), s(0), c(0), z(z_) {
    const std::int64_t pixel = first_row + ProductTile<kTile>::loaded_row(), n = pixel / z.q / z.p;
    image = n < z.n ? x + n * z.h * z.w * z.c : nullptr;
    h = static_cast<int>(pixel / z.q % z.p) * z.stride - z.padding;
    column = static_cast<int>(pixel % z.q) * z.stride - z.padding;
    advance(ProductTile<kTile>::first_term());
  }

  __device__ void advance(int terms) {
    c += terms;
    while (c >= z.c) {
      c -= z.c;
      if (++s == z.s) s = 0, ++r;
    }
  }
  __device__ const float* address() const {  // null outside of the image
    const int row = h + r * z.dilation, at = column + s * z.dilation;
    if (!image || r >= z.r || row < 0 || row >= z.h || at < 0 || at >= z.w) return nullptr;
    return image + (static_cast<std::int64_t>(row) * z.w + at) * z.c + c;
  }
  __device__ float element() {
    const float* from = address();
    advance(1);
    return from ? *from : 0.0f;
  }
  __device__ float4 next() {
    if constexpr (kVector) {
      const float* from = address();
      advance(ProductTile<kTile>::kDepth);
      return from ? load4(from) : float4{0.0f, 0.0f, 0.0f, 0.0f};
    } else {
      const float first = element(), second = element(), third = element(), fourth = element();
      advance(ProductTile<kTile>::kDepth - 4);
      return float4{first, second, third, fourth};
    }
  }
};

template <int kTile, bool kVector, bool kBuffered>
__global__ void __launch_bounds__(kProductThreads, kTile == 128 ? 2 : 4)
    gemm_cursor_kernel(const float* __restrict__ x, const float* __restrict__ w, const float* __restrict__ bias, Conv2dSizes z,
                       float* __restrict__ y) {
  const std::int64_t terms = static_cast<std::int64_t>(z.r) * z.s * z.c, pixels = static_cast<std::int64_t>(z.n) * z.p * z.q;
  tile_product<kTile, kBuffered>(CursorRow<kTile, kVector>(x, z, static_cast<std::int64_t>(blockIdx.x) * kTile),
                                 MatrixRow<kTile, kVector>(w, static_cast<std::int64_t>(blockIdx.y) * kTile, z.k, terms), terms, pixels, z.k,
                                 [&](std::int64_t pixel, std::int64_t k, float sum) { y[pixel * z.k + k] = bias ? sum + bias[k] : sum; });
}

Conv2dSizes check(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, const Tensor& y) {
  const Conv2dSizes z = kernels::check_conv2d("conv2d", x, w, bias, y, geometry);
  PLIANT_REQUIRE(ConfigError, z.groups == 1, "the ladder's convolutions have one group, got ", z.groups);
  return z;
}

void unfolded(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check(x, w, bias, geometry, y);
  if (z.n == 0) return;
  const std::int64_t terms = static_cast<std::int64_t>(z.r) * z.s * z.c;
  Tensor u(x.context(), {z.output_pixels(), terms}), result = y.reshape({z.output_pixels(), z.k});
  launch_1d(gemm_unfold_kernel, u.size(), x.context().stream(), x.data<float>(), z, u.data<float>());
  product_double_buffered(u, w.reshape({z.k, terms}), bias, {.transpose_b = true}, result);
}

template <class Kernel>
void start(Kernel* kernel, int tile, const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dSizes& z, Tensor& y) {
  if (z.n == 0) return;
  launch(kernel, dim3(product_tiles(z.output_pixels(), tile), product_tiles(z.k, tile)), dim3(kProductThreads), 0, x.context().stream(),
         x.data<float>(), w.data<float>(), bias ? bias.data<float>() : nullptr, z, y.data<float>());
}

void gathered(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  start(gemm_gathered_kernel, 64, x, w, bias, check(x, w, bias, geometry, y), y);
}

void cursor(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  start(gemm_cursor_kernel<64, false, false>, 64, x, w, bias, check(x, w, bias, geometry, y), y);
}

void quads(const Tensor& x, const Tensor& w, const Tensor& bias, const Conv2dGeometry& geometry, Tensor& y) {
  const Conv2dSizes z = check(x, w, bias, geometry, y);
  const auto aligned = [](const Tensor& t) { return reinterpret_cast<std::uintptr_t>(t.data<float>()) % 16 == 0; };
  if (z.c % 4 != 0 || !aligned(x) || !aligned(w)) return cursor(x, w, bias, geometry, y);
  z.k > 64 ? start(gemm_cursor_kernel<128, true, true>, 128, x, w, bias, z, y) : start(gemm_cursor_kernel<64, true, true>, 64, x, w, bias, z, y);
}

}  // namespace

std::vector<Step<Convolution>> implicit_gemm_steps() {
  return {{"unfolded", unfolded}, {"gathered", gathered}, {"cursor", cursor}, {"quads", quads}};
}

}  // namespace pliant::ladder
