// Numbers for cases: random values that are the same in every run, as tensors of any float type, and one way to compare two arrays.
#pragma once

#include <string>
#include <vector>

#include "core/tensor.h"

namespace pliant {

// size values, uniform in [low, high), at least `avoid` away from 0; the same for the same seed.
std::vector<double> random_values(std::int64_t size, unsigned seed, double low = -1.0, double high = 1.0, double avoid = 0.0);
// The values as a tensor of any float type, rounded to nearest even.
Tensor make_tensor(Context& context, Shape shape, DType dtype, const std::vector<double>& values);
// Random values that every float type holds exactly, so that backends and types start from the same numbers.
Tensor coarse_tensor(Context& context, Shape shape, DType dtype, unsigned seed, double low = -1.0, double high = 1.0);
Tensor random_tensor(Context& context, Shape shape, DType dtype, unsigned seed, double low = -1.0, double high = 1.0);

// Half the distance of neighbouring values in [1, 2): what rounding to the dtype costs, relative to the value. 0 for f64 and f32.
double roundoff(DType dtype);
// The values as the dtype holds them.
std::vector<double> rounded(std::vector<double> values, DType dtype);

struct Difference {
  double relative = 0.0;   // max |actual - expected| / max |expected|; infinity for NaN, different shapes or nothing to compare
  std::string where;       // the worst element with both values, for messages
};
Difference difference(const std::vector<double>& actual, const std::vector<double>& expected);
Difference difference(const Tensor& actual, const Tensor& expected);

}  // namespace pliant
