// The five pixels that each output reads are copied side by side into a panel [pixels, 5 C], a block of pixels at a time, so that
// it stays in the cache; a product with the filters [K, 5 C] does the rest.
//   forward          y = panel w^T                              a block of pixels per thread
//   backward data    panel = dy w, then dx = sums of its parts  an image per thread
//   backward filter  dw = dw + dy^T panel                       one block after another, threads share the product
// Beside oneDNN's direct 3x3 convolution this takes 5 of 9 multiplications and about 0.6 of the time. Where oneDNN has Winograd's
// F(4x4, 3x3) (stride 1, AVX-512), a full 3x3 filter needs 2.25 multiplications per output, and Winograd's algorithm for a cross would
// save only the four corners of 36. From 128 channels on that wins, and below 32 the copying costs more than the corners: there a cross
// is computed as the 3x3 filter whose corners are zero.
#include "kernels/cpu/conv2d_cross_onednn.h"

#include <omp.h>

#include <algorithm>

#include "kernels/conv2d.h"
#include "kernels/cpu/conv2d_onednn_plan.h"
#include "kernels/cpu/matrix_product_onednn.h"

namespace pliant::kernels::cpu {

namespace {

using std::int64_t;

constexpr int64_t kForwardFloats = 1 << 17, kFilterFloats = 1 << 20;  // of a panel: a thread's own cache, and the shared one

int64_t block_pixels(const CrossSizes& z, int64_t floats) { return std::clamp<int64_t>(floats / z.weights(), 1, z.output_pixels()); }

// panel [count, 5, C]: what output pixels first to first + count - 1 read; zeros outside the image.
void fill_panel_row(const float* x, const CrossSizes& z, int64_t pixel, float* row) {
  for (int tap = 0; tap < kCrossTaps; ++tap, row += z.c) {
    const int64_t from = cross_input(z, pixel, tap);
    if (from < 0) {
      std::fill_n(row, z.c, 0.0f);
    } else {
      std::copy_n(x + from, z.c, row);
    }
  }
}

// One image: dx from the panel [p q, 5, C] of the gradients of everything that the outputs read.
void sum_panel(const float* panel, const CrossSizes& image, float* dx) {
  for (int64_t pixel = 0; pixel < image.input_pixels(); ++pixel) {
    float* sum = dx + pixel * image.c;
    std::fill_n(sum, image.c, 0.0f);
    for (int tap = 0; tap < kCrossTaps; ++tap) {
      const int64_t reader = cross_output(image, pixel, tap);
      if (reader < 0) continue;
      const float* part = panel + (reader * kCrossTaps + tap) * image.c;
      for (int64_t c = 0; c < image.c; ++c) sum[c] += part[c];
    }
  }
}

Conv2dGeometry full_geometry(const CrossSizes& z) { return {.stride = z.stride, .padding = 1}; }

// Where the corners cost less than they save; by the shape alone, so that runs can be repeated bit for bit.
bool full_filter_pays(const CrossSizes& z) {
  const int channels = std::min(z.c, z.k);
  return channels < 32 || (convolution_plans::has_winograd() && z.stride == 1 && channels >= 128 && std::min(z.p, z.q) >= 4);
}

// The place of a filter's tap among those of 3x3 filters [K, 3, 3, C].
float* full_tap(float* full, const CrossSizes& z, int64_t k, int tap) {
  return full + ((k * 3 + cross_row(tap) + 1) * 3 + cross_column(tap) + 1) * z.c;
}

// The filters with zeros in the corners.
Tensor full_filters(const Tensor& w, const CrossSizes& z) {
  Tensor full = Tensor::zeros(w.context(), {z.k, 3, 3, z.c});
  for (int64_t k = 0; k < z.k; ++k) {
    for (int tap = 0; tap < kCrossTaps; ++tap) std::copy_n(w.data<float>() + (k * kCrossTaps + tap) * z.c, z.c, full_tap(full.data<float>(), z, k, tap));
  }
  return full;
}

void add_full_gradient(const Tensor& dy, const Tensor& x, const CrossSizes& z, Tensor& dw) {
  Tensor full = Tensor::zeros(dy.context(), {z.k, 3, 3, z.c});
  conv2d_backward_filter(dy, x, full_geometry(z), full);
  for (int64_t k = 0; k < z.k; ++k) {
    for (int tap = 0; tap < kCrossTaps; ++tap) {
      const float* gradient = full_tap(full.data<float>(), z, k, tap);
      float* sum = dw.data<float>() + (k * kCrossTaps + tap) * z.c;
      for (int64_t c = 0; c < z.c; ++c) sum[c] += gradient[c];
    }
  }
}

}  // namespace

void conv2d_cross_onednn_forward(const Tensor& x, const Tensor& w, const Tensor& bias, const CrossSizes& z, Tensor& y) {
  if (z.n == 0) return;
  if (full_filter_pays(z)) return conv2d_forward(x, full_filters(w, z), bias, full_geometry(z), y);
  const float *in = x.data<float>(), *filters = w.data<float>(), *start = bias ? bias.data<float>() : nullptr;
  float* out = y.data<float>();
  const int64_t pixels = z.output_pixels(), block = block_pixels(z, kForwardFloats), blocks = (pixels + block - 1) / block;
  ProductOptions options;
  options.transpose_b = true;
  Tensor panels(x.context(), {omp_get_max_threads(), block * z.weights()});  // from the pool: pages that were touched before
#pragma omp parallel if (blocks > 1)
  {
    float* panel = panels.data<float>() + omp_get_thread_num() * block * z.weights();
#pragma omp for schedule(dynamic)
    for (int64_t b = 0; b < blocks; ++b) {
      const int64_t first = b * block, count = std::min(block, pixels - first);
      for (int64_t i = 0; i < count; ++i) {
        fill_panel_row(in, z, first + i, panel + i * z.weights());
        if (start) std::copy_n(start, z.k, out + (first + i) * z.k);
      }
      matrix_product_onednn(panel, filters, {count, z.k, z.weights()}, options, start != nullptr, out + first * z.k);
    }
  }
}

void conv2d_cross_onednn_backward_data(const Tensor& dy, const Tensor& w, const CrossSizes& z, Tensor& dx) {
  if (z.n == 0) return;
  if (full_filter_pays(z)) return conv2d_backward_data(dy, full_filters(w, z), full_geometry(z), dx);
  const float *slopes = dy.data<float>(), *filters = w.data<float>();
  float* out = dx.data<float>();
  CrossSizes image = z;
  image.n = 1;
  const int64_t pixels = image.output_pixels();
  Tensor panels(dy.context(), {omp_get_max_threads(), pixels * z.weights()});
#pragma omp parallel if (z.n > 1)
  {
    float* panel = panels.data<float>() + omp_get_thread_num() * pixels * z.weights();
#pragma omp for schedule(dynamic)
    for (int64_t n = 0; n < z.n; ++n) {
      matrix_product_onednn(slopes + n * pixels * z.k, filters, {pixels, z.weights(), z.k}, {}, false, panel);
      sum_panel(panel, image, out + n * image.input_pixels() * z.c);
    }
  }
}

void conv2d_cross_onednn_backward_filter(const Tensor& dy, const Tensor& x, const CrossSizes& z, Tensor& dw) {
  if (z.n == 0) return;
  if (full_filter_pays(z)) return add_full_gradient(dy, x, z, dw);
  const float *slopes = dy.data<float>(), *in = x.data<float>();
  const int64_t pixels = z.output_pixels(), block = block_pixels(z, kFilterFloats);
  Tensor scratch(x.context(), {block, z.weights()});
  float* panel = scratch.data<float>();
  ProductOptions options;
  options.transpose_a = true;
  for (int64_t first = 0; first < pixels; first += block) {
    const int64_t count = std::min(block, pixels - first);
#pragma omp parallel for if (count * z.weights() > 1 << 16)
    for (int64_t i = 0; i < count; ++i) fill_panel_row(in, z, first + i, panel + i * z.weights());
    matrix_product_onednn(slopes + first * z.k, panel, {z.k, z.weights(), count}, options, true, dw.data<float>());
  }
}

}  // namespace pliant::kernels::cpu
