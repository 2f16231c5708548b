#include <doctest/doctest.h>

#include <algorithm>
#include <bit>

#include "core/check.h"
#include "tests/train/pruning_support.h"
#include "train/pruning/thinet.h"

namespace pliant::test {

namespace {

using Channels = std::vector<std::int64_t>;

double energy_of(const Matrix& x, const Channels& removed) {
  double energy = 0.0;
  for (std::int64_t i = 0; i < x.rows; ++i) {
    double sum = 0.0;
    for (const std::int64_t c : removed) sum += x(i, c);
    energy += sum * sum;
  }
  return energy;
}

Matrix row_sums(const Matrix& x) {
  Matrix sums(x.rows, 1);
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t c = 0; c < x.columns; ++c) sums(i, 0) += x(i, c);
  }
  return sums;
}

double error_of(const Matrix& x, const Matrix& y, const Channels& kept, const std::vector<double>& factors) {
  Matrix w(static_cast<std::int64_t>(kept.size()), 1);
  w.values = factors;
  return squared_norm(difference(y, product(columns_of(x, kept), w)));
}

}  // namespace

TEST_CASE("thinet: of orthogonal contributions the greedy choice is the best set and goes by energy") {
  Matrix x = orthogonal_matrix(12, 6, 3);
  const double sizes[] = {3.0, 0.5, 2.0, 4.0, 1.0, 0.25};
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < 6; ++j) x(i, j) *= sizes[j];
  }
  CHECK(thinet_removed(x, 4) == Channels{5, 1, 4, 2});
  for (int count = 0; count < 6; ++count) {
    double best = 1e300;
    for (unsigned set = 0; set < 64; ++set) {
      if (std::popcount(set) != count) continue;
      Channels members;
      for (int j = 0; j < 6; ++j) {
        if (set >> j & 1) members.push_back(j);
      }
      best = std::min(best, energy_of(x, members));
    }
    CHECK(energy_of(x, thinet_removed(x, count)) == doctest::Approx(best));
  }
}

TEST_CASE("thinet: each step takes the channel that keeps the removed sum smallest and ties go to the lower index") {
  Matrix x(1, 4);
  x.values = {3.0, -1.0, 1.0, 1.5};
  CHECK(thinet_removed(x, 2) == Channels{1, 2});  // |-1| before |1|, then -1 + 1 = 0 although 1.5 - 1 is small too
  CHECK(thinet_removed(x, 3) == Channels{1, 2, 3});
  CHECK(thinet_removed(x, 0).empty());
  CHECK(remaining(4, {1, 2}) == Channels{0, 3});
  CHECK_THROWS_AS(thinet_removed(x, 4), ConfigError);
  CHECK_THROWS_AS(thinet_removed(x, -1), ConfigError);
}

TEST_CASE("thinet: rescaling reduces the error and is exact where nothing was lost") {
  const Matrix x = random_matrix(80, 8, 5), y = row_sums(x);
  const Channels kept = remaining(8, thinet_removed(x, 4));
  const std::vector<double> factors = thinet_factors(x, y, kept);
  CHECK(error_of(x, y, kept, factors) < 0.999 * error_of(x, y, kept, std::vector<double>(4, 1.0)));
  const std::vector<double> all = thinet_factors(x, y, remaining(8, {}));
  CHECK(difference(all, std::vector<double>(8, 1.0)).relative < 1e-9);
}

TEST_CASE("thinet: the factor of a kept channel absorbs its removed duplicate") {
  Matrix x = random_matrix(50, 3, 6);
  for (std::int64_t i = 0; i < x.rows; ++i) x(i, 2) = 0.25 * x(i, 0);
  CHECK(thinet_removed(x, 1) == Channels{2});
  const std::vector<double> factors = thinet_factors(x, row_sums(x), {0, 1});
  CHECK(factors[0] == doctest::Approx(1.25).epsilon(1e-9));
  CHECK(factors[1] == doctest::Approx(1.0).epsilon(1e-9));
}

}  // namespace pliant::test
