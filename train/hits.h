// Right answers, counted on the device: a tensor [1] i32 of rows whose largest logit is the label's; of nets that tell more than five
// classes apart [2], the second number that of rows whose label is among the five largest (kernels/reduce.h says in which order).
#pragma once

#include "core/tensor.h"

namespace pliant {

// With five classes or fewer every answer would be among the first five.
inline bool counts_top5(int classes) { return classes > 5; }

Tensor no_hits(Context& context, int classes);

// Adds those of a batch: logits [N, C], labels [N] i32.
void count_hits(const Tensor& logits, const Tensor& labels, Tensor& hits);

struct HitCounts {  // on the host
  std::int64_t first = 0, top5 = 0;
};
HitCounts to_host(const Tensor& hits);  // top5 is 0 where it is not counted

}  // namespace pliant
