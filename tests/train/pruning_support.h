// What the tests of reconstruction share: random matrices, calibration images, small nets.
#pragma once

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "train/device_data.h"
#include "train/pruning/least_squares.h"

namespace pliant::test {

inline Matrix random_matrix(std::int64_t rows, std::int64_t columns, unsigned seed) {
  Matrix matrix(rows, columns);
  matrix.values = random_values(rows * columns, seed);
  return matrix;
}

// Orthonormal columns: the first ones of the reflection I - 2 v v^T / v^T v at a random v.
inline Matrix orthogonal_matrix(std::int64_t rows, std::int64_t columns, unsigned seed) {
  const std::vector<double> v = random_values(rows, seed);
  double norm = 0.0;
  for (const double value : v) norm += value * value;
  Matrix q(rows, columns);
  for (std::int64_t i = 0; i < rows; ++i) {
    for (std::int64_t j = 0; j < columns; ++j) {
      q(i, j) = (i == j ? 1.0 : 0.0) - 2.0 * v[static_cast<std::size_t>(i)] * v[static_cast<std::size_t>(j)] / norm;
    }
  }
  return q;
}

// Images of the size that a net takes.
inline DeviceData calibration_images(const NetDescription& d, std::int64_t count) {
  DataOptions options;
  options.source = "synthetic";
  options.validation = 0;
  options.synthetic = {.train = count, .test = d.classes, .height = static_cast<int>(d.height), .width = static_cast<int>(d.width),
                       .channels = static_cast<int>(d.channels), .classes = d.classes};
  const Splits splits = load_data(options);
  return to_device(cpu(), splits.train, splits.normalisation);
}

// A net of the zoo with at most `most` channels on every axis.
inline NetDescription narrow(const std::string& name, std::int64_t side, std::int64_t most) {
  NetDescription d = default_description(name);
  d.height = d.width = side;
  d.classes = 3;
  const Net plain = build_net(d);
  for (const auto& axis : plain.store->axes()) {
    if (axis->plain() && axis->size() > most) d.axis_sizes[axis->name()] = most;
  }
  return d;
}

}  // namespace pliant::test
