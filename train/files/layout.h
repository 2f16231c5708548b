// The one place where memory layout and file layout meet. In memory channels come last ([N, H, W, C], filters [K, R, S, C],
// weights after a flatten [K, H, W, C]); files hold PyTorch's order, channels right after the first dimension. Host memory only.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/parameter.h"

namespace pliant {

// [N, H, W, C] -> [N, C, H, W], for a shape of rank 4; the values as they are for any other rank. Throws ShapeError where the
// number of values is not that of the shape. T: float, double.
template <class T>
std::vector<T> channels_first(const Shape& shape, std::span<const T> values);

// The inverse: values in the order [N, C, H, W] become [N, H, W, C]; shape is the one in memory, [N, H, W, C].
template <class T>
std::vector<T> channels_last(const Shape& shape, std::span<const T> values);

// The shape under which a parameter, its gradient or its mask lies in a file: a filter [K, R, S, C] as [K, C, R, S], a weight
// [K, H, W, C] as [K, C H W], a vector as it is.
std::vector<std::int64_t> file_shape(const Parameter& parameter);

}  // namespace pliant
