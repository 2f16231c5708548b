#include "kernels/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/cpu/first_largest.h"
#include "kernels/cpu/through_f32.h"
#include "kernels/reduce_checks.h"

namespace pliant::kernels::cpu {

namespace {

// The sum of term(0) to term(size - 1), in segments of fixed size, whatever the number of threads: the same bits always.
template <class Term>
double sum_of_segments(std::int64_t size, const Term& term) {
  constexpr std::int64_t kSegment = 1 << 14;
  const std::int64_t segments = (size + kSegment - 1) / kSegment;
  std::vector<double> partial(static_cast<std::size_t>(segments));
#pragma omp parallel for if (segments > 2)
  for (std::int64_t s = 0; s < segments; ++s) {
    const std::int64_t end = std::min(size, (s + 1) * kSegment);
    double sum = 0.0;
#pragma omp simd reduction(+ : sum)
    for (std::int64_t i = s * kSegment; i < end; ++i) sum += term(i);
    partial[static_cast<std::size_t>(s)] = sum;
  }
  return std::accumulate(partial.begin(), partial.end(), 0.0);
}

// Whether the label is among the k that come first in the row.
template <class T>
bool among_first(const T* row, std::int64_t c, std::int32_t label, int k) {
  if (label < 0 || label >= c) return false;
  const T own = row[label];
  const bool own_nan = own != own;
  int before = 0;
  for (std::int64_t j = 0; j < c; ++j) {
    const bool nan = row[j] != row[j], equal = nan == own_nan && (nan || row[j] == own);
    before += equal ? j < label : nan || row[j] > own;
  }
  return before < k;
}

}  // namespace

void accumulate_sum(const Tensor& x, double factor, Tensor& y) {
  check_accumulate_sum(x, y);
  dispatch_cpu(x.dtype(), "accumulate_sum", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    T* out = y.data<T>();
    *out = static_cast<T>(*out + factor * sum_of_segments(x.size(), [in](std::int64_t i) -> double { return in[i]; }));
  });
}

void accumulate_dot(const Tensor& a, const Tensor& b, Tensor& y) {
  check_accumulate_dot(a, b, y);
  if (is_16_bit(a.dtype())) return through_f32(accumulate_dot, a, b, y);
  dispatch_cpu(a.dtype(), "accumulate_dot", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T *left = a.data<T>(), *right = b.data<T>();
    T* out = y.data<T>();
    const auto product = [left, right](std::int64_t i) { return static_cast<double>(left[i]) * static_cast<double>(right[i]); };
    *out = static_cast<T>(*out + sum_of_segments(a.size(), product));
  });
}

void broadcast(const Tensor& x, double factor, Tensor& y) {
  check_broadcast(x, y);
  dispatch_cpu(x.dtype(), "broadcast", [&](auto tag) {
    using T = typename decltype(tag)::type;
    std::fill_n(y.data<T>(), y.size(), static_cast<T>(factor) * *x.data<T>());
  });
}

void argmax(const Tensor& x, Tensor& y) {
  check_argmax(x, y);
  dispatch_cpu(x.dtype(), "argmax", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    std::int32_t* out = y.data<std::int32_t>();
    const std::int64_t n = x.shape()[0], c = x.shape()[1];
#pragma omp parallel for if (n * c > 1 << 15)
    for (std::int64_t i = 0; i < n; ++i) out[i] = first_largest(in + i * c, c);
  });
}

void count_correct(const Tensor& logits, const Tensor& labels, Tensor& count) {
  check_count_correct(logits, labels, count);
  dispatch_cpu(logits.dtype(), "count_correct", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = logits.data<T>();
    const std::int32_t* label = labels.data<std::int32_t>();
    const std::int64_t n = logits.shape()[0], c = logits.shape()[1];
    std::int32_t correct = 0;
    for (std::int64_t i = 0; i < n; ++i) correct += first_largest(in + i * c, c) == label[i];
    *count.data<std::int32_t>() += correct;
  });
}

void count_top(const Tensor& logits, const Tensor& labels, int k, Tensor& count) {
  check_count_top(logits, labels, k, count);
  dispatch_cpu(logits.dtype(), "count_top", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = logits.data<T>();
    const std::int32_t* label = labels.data<std::int32_t>();
    const std::int64_t n = logits.shape()[0], c = logits.shape()[1];
    std::int32_t hits = 0;
    for (std::int64_t i = 0; i < n; ++i) hits += among_first(in + i * c, c, label[i], k);
    *count.data<std::int32_t>() += hits;
  });
}

void segment_abs_sums(const Tensor& x, const Tensor& starts, Tensor& sums) {
  check_segment_abs_sums(x, starts, sums);
  dispatch_cpu(x.dtype(), "segment_abs_sums", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* in = x.data<T>();
    const std::int32_t* start = starts.data<std::int32_t>();
    T* out = sums.data<T>();
    const std::int64_t segments = x.size() / kArenaSegment;
#pragma omp parallel for schedule(dynamic) if (x.size() > 1 << 15)
    for (std::int64_t s = 0; s < sums.size(); ++s) {
      const std::int64_t first = start[s], last = start[s + 1];
      if (first < 0 || first > last || last > segments) {
        out[s] = std::numeric_limits<T>::quiet_NaN();
        continue;
      }
      double sum = 0.0;
#pragma omp simd reduction(+ : sum)
      for (std::int64_t i = first * kArenaSegment; i < last * kArenaSegment; ++i) sum += std::abs(in[i]);
      out[s] = static_cast<T>(out[s] + sum);
    }
  });
}

}  // namespace pliant::kernels::cpu
