#include "train/files/layout.h"

namespace pliant {

namespace {

// Visits (index with channels last, index with channels first) of every element.
template <class F>
void for_each_pair(const Shape& shape, F visit) {
  const std::int64_t pixels = shape[1] * shape[2], c = shape[3];
  std::size_t last = 0;
  for (std::int64_t n = 0; n < shape[0]; ++n) {
    for (std::int64_t p = 0; p < pixels; ++p) {
      for (std::int64_t i = 0; i < c; ++i) visit(last++, static_cast<std::size_t>((n * c + i) * pixels + p));
    }
  }
}

template <class T>
std::vector<T> permuted(const Shape& shape, std::span<const T> values, bool to_first) {
  PLIANT_REQUIRE(ShapeError, static_cast<std::int64_t>(values.size()) == shape.size(), values.size(),
                 " values given for a tensor of shape ", shape);
  std::vector<T> result(values.begin(), values.end());
  if (shape.rank() != 4) return result;
  for_each_pair(shape, [&](std::size_t last, std::size_t first) {
    if (to_first) {
      result[first] = values[last];
    } else {
      result[last] = values[first];
    }
  });
  return result;
}

}  // namespace

template <class T>
std::vector<T> channels_first(const Shape& shape, std::span<const T> values) {
  return permuted(shape, values, true);
}

template <class T>
std::vector<T> channels_last(const Shape& shape, std::span<const T> values) {
  return permuted(shape, values, false);
}

template std::vector<float> channels_first(const Shape&, std::span<const float>);
template std::vector<double> channels_first(const Shape&, std::span<const double>);
template std::vector<float> channels_last(const Shape&, std::span<const float>);
template std::vector<double> channels_last(const Shape&, std::span<const double>);

std::vector<std::int64_t> file_shape(const Parameter& parameter) {
  const Shape shape = parameter.shape();
  if (parameter.role == Role::filter) return {shape[0], shape[3], shape[1], shape[2]};
  if (parameter.role == Role::weight) return {shape[0], shape[1] * shape[2] * shape[3]};
  std::vector<std::int64_t> sizes;
  for (int i = 0; i < shape.rank(); ++i) sizes.push_back(shape[i]);
  return sizes;
}

}  // namespace pliant
