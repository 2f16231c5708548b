// What a net with early exits decides: how sure each row of logits is, which rows of a batch leave, and the moving of
// the others together. Labels have no way in.
#pragma once

#include "core/kernel.h"

namespace pliant {

// Of p = softmax(z): entropy -sum p ln p (natural logarithm, p ln p = 0 at p = 0; Teerapittayanon et al., 2016),
// the largest p, or the largest less the second largest (1 where there is one class).
enum class ConfidenceMeasure : std::uint8_t { entropy, max_probability, margin };
const char* name_of(ConfidenceMeasure measure);

// A row leaves where its score lies strictly below (entropy) or strictly above (the others) the threshold.
constexpr bool leaves_below(ConfidenceMeasure measure) { return measure == ConfidenceMeasure::entropy; }

}  // namespace pliant

namespace pliant::kernels {

// scores[n] = the measure of row n, predictions[n] = its largest logit, the first of equals (NaN wins).
//   logits [N, C], C > 0, scores [N]: f32, or f64 on the CPU; predictions [N] i32. Logits may be of any size, -infinity too;
//   a row with NaN or +infinity, or of -infinity alone, scores NaN, which is on neither side of a threshold.
PLIANT_KERNEL(confidence, (const Tensor& logits, ConfidenceMeasure measure, Tensor& scores, Tensor& predictions));

// kept = the rows that stay, left = those that leave, both ascending and followed by -1; count[0] = how many stay.
// Row n leaves where scores[n] < threshold (below) or scores[n] > threshold (not below); NaN stays. Compared in double.
//   scores [N] f32, or f64 on the CPU; kept, left [N], count [1] i32.
PLIANT_KERNEL(compact_rows, (const Tensor& scores, double threshold, bool below, Tensor& kept, Tensor& left, Tensor& count));

// y[m] = x[index[m]], zeros where index[m] is -1.   x [N, ...], y [M, ...]: f32 | bf16 | f16 | i32, f64 on the CPU; index [M] i32.
// Throws DataError for an index outside -1..N-1 on the CPU; on the GPU such a row is zeros. y is not x.
PLIANT_KERNEL(gather_rows, (const Tensor& x, const Tensor& index, Tensor& y));

// y[index[m]] = x[m]; other rows of y keep what they hold, rows with index -1 are left out. No index may occur twice.
// Shapes, dtypes and errors as for gather_rows, with x [M, ...] and y [N, ...].
PLIANT_KERNEL(scatter_rows, (const Tensor& x, const Tensor& index, Tensor& y));

}  // namespace pliant::kernels
