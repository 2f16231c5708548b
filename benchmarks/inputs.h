// Tensors to time on: always the same values. What times them is the library's (train/bench/measure.h).
#pragma once

#include "core/tensor.h"

namespace pliant::bench {

Tensor random_tensor(Context& context, Shape shape, double low = -1.0, double high = 1.0);  // f32
Tensor random_integers(Context& context, std::int64_t size, std::int32_t bound);            // i32 [size], 0..bound - 1

}  // namespace pliant::bench
