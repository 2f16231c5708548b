// The decision of one exit over a number of rows that only the device knows. One block walks over the rows in chunks of its own size, as
// compact_rows does (exits.cu); ranks in a chunk are those of block_rank.cuh, so that the lists are the same in any thread order. Bytes: 32
// per row. Deterministic.
#include "kernels/exit_routing.h"

#include "core/gpu/launch.h"
#include "kernels/exit_routing_checks.h"
#include "kernels/gpu/block_rank.cuh"

namespace pliant::kernels::gpu {

namespace {

constexpr unsigned kSmallBlock = 256, kLargeBlock = 1024;

struct RoutingLists {
  std::int32_t *left, *kept, *staying, *count, *classes, *exits;
};

// One block; scores (null: every row leaves), predictions, samples, lists [size], rows, count [1], classes, exits [n]
__global__ void leave_rows_kernel(const float* scores, const std::int32_t* predictions, ExitDecision decision, const std::int32_t* samples,
                                  const std::int32_t* rows, std::int32_t size, RoutingLists out, std::int64_t n) {
  __shared__ std::int32_t stay_in_warp[32];
  const auto threads = static_cast<std::int32_t>(blockDim.x), thread = static_cast<std::int32_t>(threadIdx.x);
  const std::int32_t here = rows[0] < size ? rows[0] : size;
  std::int32_t stay = 0;  // among the rows before this chunk; the same in every thread
  for (std::int64_t first = 0; first < size; first += threads) {
    const std::int64_t i = first + thread;
    const bool inside = i < here;
    const double score = inside && scores != nullptr ? static_cast<double>(scores[i]) : 0.0;
    const bool stays = inside && scores != nullptr && !(decision.below ? score < decision.threshold : score > decision.threshold);
    const BlockRank in_chunk = block_rank(stays, stay_in_warp);
    const std::int32_t rank = stay + in_chunk.before;
    const std::int32_t sample = inside ? samples[i] : -1;
    const bool leaves = inside && !stays && sample >= 0 && sample < n;
    if (stays) {
      out.kept[rank] = static_cast<std::int32_t>(i);
      out.staying[rank] = sample;
    }
    if (leaves) {
      out.classes[sample] = predictions[i];
      out.exits[sample] = decision.exit;
    }
    if (i < size) out.left[i] = leaves ? sample : -1;
    stay += in_chunk.all;
  }
  for (std::int64_t i = stay + thread; i < size; i += threads) out.kept[i] = out.staying[i] = -1;
  if (thread == 0) out.count[0] = stay;
}

}  // namespace

void leave_rows(const Tensor& scores, const Tensor& predictions, const ExitDecision& decision, const Tensor& samples, const Tensor& rows,
                Tensor& left, Tensor& kept, Tensor& staying, Tensor& count, Tensor& classes, Tensor& exits) {
  check_leave_rows(scores, predictions, samples, rows, left, kept, staying, count, classes, exits);
  const RoutingLists out{left.data<std::int32_t>(),  kept.data<std::int32_t>(),    staying.data<std::int32_t>(),
                         count.data<std::int32_t>(), classes.data<std::int32_t>(), exits.data<std::int32_t>()};
  launch(leave_rows_kernel, dim3(1), dim3(samples.size() <= kSmallBlock ? kSmallBlock : kLargeBlock), 0, samples.context().stream(),
         scores ? scores.data<float>() : nullptr, predictions.data<std::int32_t>(), decision, samples.data<std::int32_t>(),
         rows.data<std::int32_t>(), samples.size(), out, classes.size());
}

}  // namespace pliant::kernels::gpu
