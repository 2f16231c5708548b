// Sums over the rows of [rows, C], channel by channel, in double. The double versions are the plain specification. The others (T
// is float, BFloat16 or Half) read memory once: short blocks of rows are summed in float, vectorised over C, and joined in double in a fixed order.
// The split into blocks depends on the sizes alone, so the result does not depend on the number of threads.
#pragma once

#include "kernels/batch_norm_checks.h"

namespace pliant::kernels::cpu {

// Below this size a loop is not worth waking the other threads.
inline constexpr std::int64_t kParallelSize = 1 << 15;

// moments [2, C] f64: the mean of each channel, then its sum of squared deviations from the mean.
template <class T>
void channel_moments(Context& context, const T* x, ChannelRows sizes, double* moments);

// What a backward pass of batch normalisation reads, [rows, C] each, and where it leaves g = dy f'(y).
template <class T>
struct BatchNormGradient {
  const T *dy, *x;
  const T* y;           // null for identity
  const Wide<T>* mean;  // [C]
  T* g;                 // null: not wanted
};

// sums [2, C] f64: the sum of g, then the sum of g (x - mean).
template <class T>
void channel_gradient_sums(Context& context, const BatchNormGradient<T>& in, ChannelRows sizes, double* sums);

}  // namespace pliant::kernels::cpu
