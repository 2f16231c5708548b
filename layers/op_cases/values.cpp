#include "layers/op_cases/values.h"

#include <array>
#include <cmath>
#include <limits>

#include "core/rng.h"

namespace pliant {

namespace {

template <class T>
std::vector<T> narrow(const std::vector<double>& values) {
  std::vector<T> result;
  for (const double value : values) result.push_back(from_float<T>(static_cast<float>(value)));
  return result;
}

}  // namespace

double roundoff(DType dtype) { return dtype == DType::bf16 ? 0x1p-8 : dtype == DType::f16 ? 0x1p-11 : 0.0; }

std::vector<double> rounded(std::vector<double> values, DType dtype) {
  for (double& value : values) {
    if (dtype == DType::bf16) value = to_float(from_float<BFloat16>(static_cast<float>(value)));
    if (dtype == DType::f16) value = to_float(from_float<Half>(static_cast<float>(value)));
  }
  return values;
}

Difference difference(const std::vector<double>& actual, const std::vector<double>& expected) {
  const double infinity = std::numeric_limits<double>::infinity();
  if (actual.size() != expected.size()) return {infinity, cat(actual.size(), " values, expected ", expected.size())};
  if (actual.empty()) return {infinity, "nothing to compare"};
  double scale = 0.0, worst = -1.0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    const double distance = std::abs(actual[i] - expected[i]);
    if (std::isnan(distance)) return {infinity, cat("element ", i, ": ", actual[i], ", expected ", expected[i])};
    scale = std::max(scale, std::abs(expected[i]));
    if (distance > worst) worst = distance, at = i;
  }
  return {worst == 0.0 ? 0.0 : worst / std::max(scale, 1e-30), cat("element ", at, ": ", actual[at], ", expected ", expected[at])};
}

Difference difference(const Tensor& actual, const Tensor& expected) {
  if (!actual || !expected || actual.shape() != expected.shape()) {
    return {std::numeric_limits<double>::infinity(), cat(actual, ", expected ", expected)};
  }
  return difference(actual.to_doubles(), expected.to_doubles());
}

std::vector<double> random_values(std::int64_t size, unsigned seed, double low, double high, double avoid) {
  const RandomStream stream(seed, Purpose::synthetic, 0, 0);
  std::vector<double> values(static_cast<std::size_t>(size));
  std::array<std::uint32_t, 4> words{};  // stream.uniform(i), four at a time
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (i % 4 == 0) words = stream.words(i / 4);
    double value = low + (high - low) * (static_cast<double>(words[i % 4] >> 8) * 0x1p-24);
    if (std::abs(value) < avoid) value = value < 0 ? value - avoid : value + avoid;
    values[i] = value;
  }
  return values;
}

Tensor make_tensor(Context& context, Shape shape, DType dtype, const std::vector<double>& values) {
  if (dtype == DType::f64) return Tensor::from_host<double>(context, shape, values);
  if (dtype == DType::bf16) return Tensor::from_host(context, shape, narrow<BFloat16>(values));
  if (dtype == DType::f16) return Tensor::from_host(context, shape, narrow<Half>(values));
  return Tensor::from_host<float>(context, shape, std::vector<float>(values.begin(), values.end()));
}

Tensor coarse_tensor(Context& context, Shape shape, DType dtype, unsigned seed, double low, double high) {
  std::vector<double> values = random_values(shape.size(), seed, low, high);
  for (double& value : values) value = std::round(value * 64.0) / 64.0;
  return make_tensor(context, shape, dtype, values);
}

Tensor random_tensor(Context& context, Shape shape, DType dtype, unsigned seed, double low, double high) {
  return make_tensor(context, shape, dtype, random_values(shape.size(), seed, low, high));
}

}  // namespace pliant
