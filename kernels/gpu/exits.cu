// Decisions at early exits. Confidence: one warp per row of C logits, four rows a block, the row read twice; formulas as
// in kernels/cpu/exits.cpp, whose terms are all positive. Compaction: one block walks over the scores in chunks of its own
// size; ranks in a chunk are those of block_rank.cuh, so that the lists are stable and the same in any thread order. A batch
// is one or a few chunks. Moving rows: one thread per element, bound by memory. Bytes: 4 C + 8, 12 and 8 per row or element.
// Deterministic.
#include "kernels/exits.h"

#include "core/gpu/launch.h"
#include "kernels/exits_checks.h"
#include "kernels/gpu/block_rank.cuh"
#include "kernels/gpu/warp_argmax.cuh"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kWarps = 4, kSmallBlock = 256, kLargeBlock = 1024;

// logits [n, c], scores, predictions [n]
__global__ void confidence_kernel(const float* logits, std::int64_t n, std::int32_t c, ConfidenceMeasure measure, float* scores,
                                  std::int32_t* predictions) {
  const std::int64_t row = static_cast<std::int64_t>(blockIdx.x) * kWarps + threadIdx.x / 32;
  if (row >= n) return;
  const float* z = logits + row * c;
  const auto lane = static_cast<std::int32_t>(threadIdx.x % 32);
  const std::int32_t at = warp_argmax(z, c);
  const float largest = z[at];
  float others = 0.0f, weighted = 0.0f, second = 0.0f;
  for (std::int32_t j = lane; j < c; j += 32) {
    if (j == at) continue;
    const float distance = largest - z[j], share = expf(-distance);
    others += share;
    second = nan_max(second, share);
    if (share != 0.0f) weighted += distance * share;  // infinity times 0 is 0 here
  }
  others = warp_sum(others) + (largest - largest);  // NaN for NaN and for infinity, also where there is nothing else
  weighted = warp_sum(weighted);
  second = warp_max(second);
  if (lane != 0) return;
  const float total = 1.0f + others;
  predictions[row] = at;
  scores[row] = measure == ConfidenceMeasure::entropy  ? log1pf(others) + weighted / total
                : measure == ConfidenceMeasure::margin ? (1.0f - second) / total
                                                       : 1.0f / total;
}

// One block; scores, kept, left [n], count [1]
__global__ void compact_rows_kernel(const float* scores, std::int32_t n, double threshold, bool below, std::int32_t* kept,
                                    std::int32_t* left, std::int32_t* count) {
  __shared__ std::int32_t stay_in_warp[32];
  const auto threads = static_cast<std::int32_t>(blockDim.x), thread = static_cast<std::int32_t>(threadIdx.x);
  std::int32_t stay = 0;  // among the rows before this chunk; the same in every thread
  for (std::int64_t first = 0; first < n; first += threads) {
    const std::int64_t i = first + thread;
    const bool inside = i < n;
    const double score = inside ? static_cast<double>(scores[i]) : 0.0;
    const bool stays = inside && !(below ? score < threshold : score > threshold);
    const BlockRank in_chunk = block_rank(stays, stay_in_warp);
    const std::int32_t rank = stay + in_chunk.before;
    if (stays) {
      kept[rank] = static_cast<std::int32_t>(i);
    } else if (inside) {
      left[i - rank] = static_cast<std::int32_t>(i);  // `rank` of the i rows before it stay, so the others leave
    }
    stay += in_chunk.all;
  }
  for (std::int64_t i = stay + thread; i < n; i += threads) kept[i] = -1;
  for (std::int64_t i = n - stay + thread; i < n; i += threads) left[i] = -1;
  if (thread == 0) count[0] = stay;
}

// x [n, width], index [m], y [m, width]
template <class T>
__global__ void gather_rows_kernel(const T* x, std::int64_t n, const std::int32_t* index, T* y, std::int64_t width, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const std::int64_t from = index[i / width];
  y[i] = from >= 0 && from < n ? x[from * width + i % width] : T{};
}

// x [m, width], index [m], y [n, width]
template <class T>
__global__ void scatter_rows_kernel(const T* x, const std::int32_t* index, T* y, std::int64_t n, std::int64_t width, std::int64_t size) {
  const std::int64_t i = static_cast<std::int64_t>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (i >= size) return;
  const std::int64_t to = index[i / width];
  if (to >= 0 && to < n) y[to * width + i % width] = x[i];
}

template <class Body>
void dispatch_rows(DType dtype, Body&& body) {
  if (dtype == DType::i32) return body(Tag<std::int32_t>{});
  dispatch_gpu(dtype, "rows", body);
}

}  // namespace

void confidence(const Tensor& logits, ConfidenceMeasure measure, Tensor& scores, Tensor& predictions) {
  check_confidence(logits, scores, predictions);
  if (logits.size() == 0) return;
  const std::int64_t n = logits.shape()[0];
  launch(confidence_kernel, dim3(static_cast<unsigned>((n + kWarps - 1) / kWarps)), dim3(32 * kWarps), 0, logits.context().stream(),
         logits.data<float>(), n, logits.shape()[1], measure, scores.data<float>(), predictions.data<std::int32_t>());
}

void compact_rows(const Tensor& scores, double threshold, bool below, Tensor& kept, Tensor& left, Tensor& count) {
  check_compact_rows(scores, kept, left, count);
  launch(compact_rows_kernel, dim3(1), dim3(scores.size() <= kSmallBlock ? kSmallBlock : kLargeBlock), 0, scores.context().stream(),
         scores.data<float>(), scores.size(), threshold, below, kept.data<std::int32_t>(), left.data<std::int32_t>(),
         count.data<std::int32_t>());
}

void gather_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  check_moved_rows("gather_rows", y, index, x);
  if (y.size() == 0) return;
  dispatch_rows(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(gather_rows_kernel<T>, y.size(), y.context().stream(), x.data<T>(), x.shape()[0], index.data<std::int32_t>(), y.data<T>(),
              y.size() / y.shape()[0], y.size());
  });
}

void scatter_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  check_moved_rows("scatter_rows", x, index, y);
  if (x.size() == 0) return;
  dispatch_rows(x.dtype(), [&](auto tag) {
    using T = typename decltype(tag)::type;
    launch_1d(scatter_rows_kernel<T>, x.size(), x.context().stream(), x.data<T>(), index.data<std::int32_t>(), y.data<T>(), y.shape()[0],
              x.size() / x.shape()[0], x.size());
  });
}

}  // namespace pliant::kernels::gpu
