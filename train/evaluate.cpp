#include "train/evaluate.h"

#include <chrono>
#include <numeric>

#include "kernels/cross_entropy.h"
#include "kernels/reduce.h"
#include "train/hits.h"

namespace pliant {

namespace {

// Sums over batches that stay on the device until the pass is over.
struct ExitSums {
  Tensor loss, hits;
};

void add_batch(const Tensor& logits, const Tensor& labels, ExitSums& sums) {
  Tensor losses(logits.context(), {logits.shape()[0]}, logits.dtype()), probabilities = Tensor::like(logits);
  kernels::softmax_cross_entropy_forward(logits, labels, {}, {}, 0.0, losses, probabilities);
  kernels::accumulate_sum(losses, 1.0, sums.loss);
  count_hits(logits, labels, sums.hits);
}

}  // namespace

void each_batch(const Net& net, const DeviceData& data, std::int64_t batch_size, const std::function<void(const Batch&)>& visit) {
  PLIANT_REQUIRE(DataError, data.size() > 0, "evaluate: there are no samples");
  Context& context = net.store->context();
  std::vector<std::int32_t> in_order(static_cast<std::size_t>(data.size()));
  std::iota(in_order.begin(), in_order.end(), 0);
  const Tensor order = Tensor::from_host(context, {data.size()}, in_order), key = random_key(context, 0, 0);
  const DType dtype = net.store->compute_dtype();
  std::optional<BatchStream> stream;
  if (data.files) stream.emplace(data, in_order, batch_size, 0, BatchStream::place_for(data, std::min(batch_size, data.size())));
  for (std::int64_t first = 0; first < data.size(); first += batch_size) {
    const Tensor samples = order.rows(first, std::min(batch_size, data.size() - first));
    visit(stream ? make_batch(data, stream->next(), samples, key, {}, dtype) : make_batch(data, samples, key, {}, dtype));
  }
}

Evaluation evaluate(const Net& net, const DeviceData& data, std::int64_t batch_size, const Selection& select) {
  const auto start = std::chrono::steady_clock::now();
  Context& context = net.store->context();
  std::vector<ExitSums> sums;
  each_batch(net, data, batch_size, [&](const Batch& batch) {
    Pass pass{.context = context, .select = select};
    const std::vector<Var> logits = forward(net, pass, Var{batch.images});
    for (std::size_t exit = 0; exit < logits.size(); ++exit) {
      if (sums.size() == exit) {
        sums.push_back({Tensor::zeros(context, {1}, net.store->dtype()), no_hits(context, net.description.classes)});
      }
      add_batch(logits[exit].value, batch.labels, sums[exit]);
    }
  });
  Evaluation result;
  result.samples = data.size();
  for (const ExitSums& exit : sums) {
    const auto count = static_cast<double>(data.size());
    const HitCounts hits = to_host(exit.hits);
    result.exits.push_back({exit.loss.to_doubles()[0] / count, static_cast<double>(hits.first) / count});
    if (counts_top5(net.description.classes)) result.exits.back().top5 = static_cast<double>(hits.top5) / count;
  }
  result.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  return result;
}

}  // namespace pliant
