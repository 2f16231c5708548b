// Which pixels a pooling window covers and which windows cover a pixel, once for every backend.
#pragma once

#include "core/gpu/annotations.h"
#include "kernels/pool.h"

namespace pliant::kernels {

struct Span {  // [begin, end)
  int begin = 0, end = 0;
};

// A pooling of images of h x w pixels to p x q windows, over c channels.
struct PoolSizes {
  std::int64_t n = 0;
  int h = 0, w = 0, c = 0, p = 0, q = 0;
  int size = 0, stride = 0, padding = 0;
  bool count_padding = true;

  // The pixels, among `pixels` in one direction, of window i.
  PLIANT_HOST_DEVICE Span pixels_of(int i, int pixels) const {
    const int begin = i * stride - padding, end = begin + size;
    return {begin < 0 ? 0 : begin, end < pixels ? end : pixels};
  }
  // The windows, among `windows` in one direction, that cover pixel i.
  PLIANT_HOST_DEVICE Span windows_of(int i, int windows) const {
    const int before = i + padding - size, last = (i + padding) / stride;  // a window that starts at `before` or earlier ends too soon
    return {before < 0 ? 0 : before / stride + 1, last < windows ? last + 1 : windows};
  }
  // The divisor of an average: pixels of the image, or of the image with its padding.
  PLIANT_HOST_DEVICE int count(int i, int j) const { return length(i, h) * length(j, w); }

 private:
  PLIANT_HOST_DEVICE int length(int i, int pixels) const {
    const Span inside = pixels_of(i, pixels);
    if (!count_padding) return inside.end - inside.begin;
    const int begin = i * stride - padding, end = begin + size, edge = pixels + padding;
    return (end < edge ? end : edge) - begin;
  }
};

// x [N, H, W, C] and y [N, P, Q, C]: shapes, types and geometry fit. `x_name` and `y_name` are for the message.
PoolSizes check_pool(const char* op, const char* x_name, const Tensor& x, const PoolGeometry& geometry, const char* y_name,
                     const Tensor& y);
void check_chosen(const char* op, const Tensor& chosen, const Tensor& y);
// x [N, H, W, C] and y [N, C].
PoolSizes check_global_pool(const char* op, const Tensor& x, const Tensor& y);

}  // namespace pliant::kernels
