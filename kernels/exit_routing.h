// The decision of one exit where the host does not know how many rows are still on their way: their number lies in device memory.
// kernels/exits.h has the scores, and the moving of rows by the lists that come out here.
#pragma once

#include "core/kernel.h"

namespace pliant {

struct ExitDecision {
  double threshold = 0.0;
  bool below = true;      // a row leaves where its score is strictly below the threshold, else strictly above; NaN stays
  std::int32_t exit = 0;  // the number that is noted for the rows that leave
};

}  // namespace pliant

namespace pliant::kernels {

// Of the first min(rows[0], B) rows those that are sure leave: classes[samples[i]] = predictions[i], exits[samples[i]] = exit, and
// left[i] = samples[i]. The r-th of the others: kept[r] = i, staying[r] = samples[i]. All other elements of left, kept and staying
// are -1, all other elements of classes and exits keep what they hold. count[0] = how many stay.
//   scores [B] f32, or f64 on the CPU; no tensor: every row leaves. predictions, samples, left, kept, staying [B], rows, count [1],
//   classes, exits [N]: i32. No sample twice. Compared in double. A sample outside 0..N-1 that leaves: DataError on the CPU; on the GPU
//   it is left out, and left[i] is -1. staying is not samples, count not rows.
PLIANT_KERNEL(leave_rows, (const Tensor& scores, const Tensor& predictions, const ExitDecision& decision, const Tensor& samples,
                           const Tensor& rows, Tensor& left, Tensor& kept, Tensor& staying, Tensor& count, Tensor& classes, Tensor& exits));

}  // namespace pliant::kernels
