#include "train/hits.h"

#include "kernels/reduce.h"

namespace pliant {

Tensor no_hits(Context& context, int classes) { return Tensor::zeros(context, {counts_top5(classes) ? 2 : 1}, DType::i32); }

void count_hits(const Tensor& logits, const Tensor& labels, Tensor& hits) {
  Tensor first = hits.rows(0, 1);
  kernels::count_correct(logits, labels, first);
  if (hits.size() == 1) return;
  Tensor top5 = hits.rows(1, 1);
  kernels::count_top(logits, labels, 5, top5);
}

HitCounts to_host(const Tensor& hits) {
  const std::vector<std::int32_t> counts = hits.to_host<std::int32_t>();
  return {counts[0], counts.size() > 1 ? counts[1] : 0};
}

}  // namespace pliant
