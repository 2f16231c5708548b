#include "kernels/channels.h"

#include <algorithm>
#include <cstring>

#include "kernels/channels_checks.h"
#include "kernels/cpu/through_f32.h"

namespace pliant::kernels::cpu {

namespace {

// Below this size a loop is not worth waking the other threads.
constexpr std::int64_t kParallelSize = 1 << 15;

// For each of the C channels, which j reads it, or -1. Refuses indices outside -1..C-1 and channels that are read
// twice.
std::vector<std::int32_t> invert(const char* op, const Tensor& index, std::int64_t channels) {
  std::vector<std::int32_t> readers(static_cast<std::size_t>(channels), -1);
  const std::int32_t* from = index.data<std::int32_t>();
  for (std::int64_t j = 0; j < index.size(); ++j) {
    if (from[j] == -1) continue;
    PLIANT_REQUIRE(ShapeError, from[j] >= 0 && from[j] < channels, op, ": index[", j, "] = ", from[j],
                   " is outside -1..", channels - 1);
    std::int32_t& reader = readers[static_cast<std::size_t>(from[j])];
    PLIANT_REQUIRE(ShapeError, reader < 0, op, ": channel ", from[j], " is taken twice, by index[", reader,
                   "] and index[", j, "]");
    reader = static_cast<std::int32_t>(j);
  }
  return readers;
}

// y[i, j] = x[i, from[j]] or 0
template <class T>
void gather_rows(const T* x, std::int64_t c, const std::int32_t* from, std::int64_t k, T* y, std::int64_t rows) {
#pragma omp parallel for if (rows * k > kParallelSize)
  for (std::int64_t i = 0; i < rows; ++i) {
    const T* in = x + i * c;
    T* out = y + i * k;
    for (std::int64_t j = 0; j < k; ++j) out[j] = from[j] < 0 ? T{} : in[from[j]];
  }
}

// Rows of `width` elements from one matrix into another, each with its own distance between rows.
void copy_rows(const char* source, std::int64_t source_step, char* target, std::int64_t target_step, std::int64_t width,
               std::int64_t rows) {
#pragma omp parallel for if (rows * width > 4 * kParallelSize)
  for (std::int64_t i = 0; i < rows; ++i) {
    std::memcpy(target + i * target_step, source + i * source_step, static_cast<std::size_t>(width));
  }
}

}  // namespace

void gather_channels(const Tensor& x, const Tensor& index, Tensor& y) {
  check_gather("gather_channels", x, index, y);
  invert("gather_channels", index, x.shape()[-1]);
  dispatch_cpu_storage(x.dtype(), "gather_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gather_rows(x.data<T>(), x.shape()[-1], index.data<std::int32_t>(), index.size(), y.data<T>(), rows_of(x.shape()));
  });
}

void scatter_channels(const Tensor& dy, const Tensor& index, Tensor& dx) {
  check_gather("scatter_channels", dx, index, dy);
  const std::vector<std::int32_t> readers = invert("scatter_channels", index, dx.shape()[-1]);
  dispatch_cpu_storage(dy.dtype(), "scatter_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    gather_rows(dy.data<T>(), dy.shape()[-1], readers.data(), dx.shape()[-1], dx.data<T>(), rows_of(dx.shape()));
  });
}

void mask_channels(const Tensor& x, const Tensor& mask, Tensor& y) {
  check_mask(x, mask, y);
  dispatch_cpu_storage(x.dtype(), "mask_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    const Wide<T>* keep = mask.data<Wide<T>>();
    T* out = y.data<T>();
    const std::int64_t rows = rows_of(x.shape()), c = x.shape()[-1];
#pragma omp parallel for if (rows * c > kParallelSize)
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < c; ++j) out[i * c + j] = narrowed<T>(widened(in[i * c + j]) * keep[j]);
    }
  });
}

void concat_channels(const std::vector<Tensor>& parts, Tensor& y) {
  check_parts("concat_channels", parts, y);
  dispatch_cpu_storage(y.dtype(), "concat_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto element = static_cast<std::int64_t>(sizeof(T));
    const std::int64_t rows = rows_of(y.shape()), step = y.shape()[-1] * element;
    char* target = reinterpret_cast<char*>(y.data<T>());
    for (const Tensor& part : parts) {
      const std::int64_t width = part.shape()[-1] * element;
      copy_rows(reinterpret_cast<const char*>(part.data<T>()), width, target, step, width, rows);
      target += width;
    }
  });
}

void split_channels(const Tensor& y, std::vector<Tensor>& parts) {
  check_parts("split_channels", parts, y);
  dispatch_cpu_storage(y.dtype(), "split_channels", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const auto element = static_cast<std::int64_t>(sizeof(T));
    const std::int64_t rows = rows_of(y.shape()), step = y.shape()[-1] * element;
    const char* source = reinterpret_cast<const char*>(y.data<T>());
    for (Tensor& part : parts) {
      const std::int64_t width = part.shape()[-1] * element;
      copy_rows(source, step, reinterpret_cast<char*>(part.data<T>()), width, width, rows);
      source += width;
    }
  });
}

void channel_sum(const Tensor& x, Tensor& sums) {
  check_channel_sum(x, sums);
  if (is_16_bit(x.dtype())) return through_f32(channel_sum, x, sums);
  dispatch_cpu(x.dtype(), "channel_sum", [&](auto tag) {
    using T = typename decltype(tag)::type;
    // Segments of fixed size, whatever the number of threads: the same bits always. Inside one, sums stay short enough
    // for T.
    constexpr std::int64_t kSegmentRows = 256;
    const std::int64_t rows = rows_of(x.shape()), c = x.shape()[-1];
    const std::int64_t segments = (rows + kSegmentRows - 1) / kSegmentRows;
    std::vector<T> partial(static_cast<std::size_t>(segments * c), T(0));
    const T* in = x.data<T>();
#pragma omp parallel for if (rows * c > kParallelSize)
    for (std::int64_t s = 0; s < segments; ++s) {
      T* sum = partial.data() + s * c;
      for (std::int64_t i = s * kSegmentRows; i < std::min(rows, (s + 1) * kSegmentRows); ++i) {
        for (std::int64_t j = 0; j < c; ++j) sum[j] += in[i * c + j];
      }
    }
    T* out = sums.data<T>();
    for (std::int64_t j = 0; j < c; ++j) {
      double total = out[j];
      for (std::int64_t s = 0; s < segments; ++s) total += partial[static_cast<std::size_t>(s * c + j)];
      out[j] = static_cast<T>(total);
    }
  });
}

}  // namespace pliant::kernels::cpu
