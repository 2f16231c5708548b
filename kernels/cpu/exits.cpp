#include "kernels/exits.h"

#include <algorithm>
#include <cmath>

#include "kernels/cpu/first_largest.h"
#include "kernels/exits_checks.h"

namespace pliant {

const char* name_of(ConfidenceMeasure measure) {
  switch (measure) {
    case ConfidenceMeasure::entropy: return "entropy";
    case ConfidenceMeasure::max_probability: return "max-probability";
    case ConfidenceMeasure::margin: return "margin";
  }
  return "?";
}

}  // namespace pliant

namespace pliant::kernels::cpu {

namespace {

// With d[c] = z[largest] - z[c] >= 0 and s = sum of e^-d over the others: p[largest] = 1 / (1 + s) and
// entropy = ln(1 + s) + sum of d e^-d / (1 + s). All terms are positive, so a sure row keeps its digits.
template <class T>
T score_of(const T* z, std::int64_t c, std::int32_t largest, ConfidenceMeasure measure) {
  double others = 0.0, weighted = 0.0, second = 0.0;
  for (std::int64_t j = 0; j < c; ++j) {
    if (j == largest) continue;
    const T distance = z[largest] - z[j], share = std::exp(-distance);
    others += share;
    second = std::max(second, static_cast<double>(share));
    if (share != T(0)) weighted += static_cast<double>(distance) * share;  // infinity times 0 is 0 here
  }
  others += z[largest] - z[largest];  // NaN for NaN and for infinity, also where there is nothing else
  const double total = 1.0 + others;
  if (measure == ConfidenceMeasure::entropy) return static_cast<T>(std::log1p(others) + weighted / total);
  return static_cast<T>((measure == ConfidenceMeasure::margin ? 1.0 - second : 1.0) / total);
}

void require_row(const char* op, std::int64_t m, std::int32_t row, std::int64_t rows) {
  PLIANT_REQUIRE(DataError, row >= -1 && row < rows, op, ": index[", m, "] = ", row, " is outside -1..", rows - 1);
}

template <class Body>
void dispatch_rows(DType dtype, Body&& body) {
  if (dtype == DType::i32) return body(Tag<std::int32_t>{});
  dispatch_cpu_storage(dtype, "rows", body);
}

}  // namespace

void confidence(const Tensor& logits, ConfidenceMeasure measure, Tensor& scores, Tensor& predictions) {
  check_confidence(logits, scores, predictions);
  dispatch_cpu(logits.dtype(), "confidence", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* z = logits.data<T>();
    T* score = scores.data<T>();
    std::int32_t* prediction = predictions.data<std::int32_t>();
    const std::int64_t n = logits.shape()[0], c = logits.shape()[1];
#pragma omp parallel for if (n * c > 1 << 12)
    for (std::int64_t i = 0; i < n; ++i) {
      prediction[i] = first_largest(z + i * c, c);
      score[i] = score_of(z + i * c, c, prediction[i], measure);
    }
  });
}

void compact_rows(const Tensor& scores, double threshold, bool below, Tensor& kept, Tensor& left, Tensor& count) {
  check_compact_rows(scores, kept, left, count);
  dispatch_cpu(scores.dtype(), "compact_rows", [&](auto tag) {
    using T = typename decltype(tag)::type;
    const T* score = scores.data<T>();
    std::int32_t *stays = kept.data<std::int32_t>(), *leaves = left.data<std::int32_t>();
    const auto n = static_cast<std::int32_t>(scores.size());
    std::int32_t staying = 0, leaving = 0;
    for (std::int32_t i = 0; i < n; ++i) {
      const auto value = static_cast<double>(score[i]);
      if (below ? value < threshold : value > threshold) {
        leaves[leaving++] = i;
      } else {
        stays[staying++] = i;
      }
    }
    std::fill(stays + staying, stays + n, -1);
    std::fill(leaves + leaving, leaves + n, -1);
    *count.data<std::int32_t>() = staying;
  });
}

void gather_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  check_moved_rows("gather_rows", y, index, x);
  const std::int64_t m = y.shape()[0], n = x.shape()[0];
  if (y.size() == 0) return;
  const std::int32_t* from = index.data<std::int32_t>();
  for (std::int64_t i = 0; i < m; ++i) require_row("gather_rows", i, from[i], n);
  dispatch_rows(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t width = y.size() / m;
    const T* source = x.data<T>();
    T* target = y.data<T>();
#pragma omp parallel for if (m * width > 1 << 16)
    for (std::int64_t i = 0; i < m; ++i) {
      if (from[i] < 0) {
        std::fill_n(target + i * width, width, T{});
      } else {
        std::copy_n(source + from[i] * width, width, target + i * width);
      }
    }
  });
}

void scatter_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  check_moved_rows("scatter_rows", x, index, y);
  const std::int64_t m = x.shape()[0], n = y.shape()[0];
  if (x.size() == 0) return;
  const std::int32_t* to = index.data<std::int32_t>();
  for (std::int64_t i = 0; i < m; ++i) require_row("scatter_rows", i, to[i], n);
  dispatch_rows(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    const std::int64_t width = x.size() / m;
    for (std::int64_t i = 0; i < m; ++i) {
      if (to[i] >= 0) std::copy_n(x.data<T>() + i * width, width, y.data<T>() + to[i] * width);
    }
  });
}

}  // namespace pliant::kernels::cpu
