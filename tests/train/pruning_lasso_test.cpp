#include <doctest/doctest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "core/check.h"
#include "tests/train/pruning_support.h"
#include "train/pruning/lasso.h"

namespace pliant::test {

namespace {

Matrix sum_of_columns(const Matrix& z) {
  Matrix ones(z.columns, 1);
  std::fill(ones.values.begin(), ones.values.end(), 1.0);
  return product(z, ones);
}

double objective(const Matrix& z, const Matrix& y, const std::vector<double>& beta, double lambda) {
  Matrix b(z.columns, 1);
  b.values = beta;
  double norm = 0.0;
  for (const double value : beta) norm += std::abs(value);
  return 0.5 * squared_norm(difference(y, product(z, b))) / static_cast<double>(z.rows) + lambda * norm;
}

std::int64_t nonzero(const std::vector<double>& beta) {
  return static_cast<std::int64_t>(beta.size()) - std::count(beta.begin(), beta.end(), 0.0);
}

double best_error(const Matrix& z, const Matrix& y, const std::vector<std::int64_t>& kept) {
  const Matrix part = columns_of(z, kept);
  return squared_norm(difference(y, product(part, least_squares(part, y, Matrix(part.columns, 1), false).weights)));
}

}  // namespace

TEST_CASE("lasso: lambda 0 keeps every channel with beta 1 and a large lambda keeps none") {
  const Matrix z = random_matrix(60, 7, 1);
  const LassoProblem problem = lasso_problem(z, sum_of_columns(z));
  CHECK(difference(lasso(problem, 0.0).beta, std::vector<double>(7, 1.0)).relative < 1e-7);
  CHECK(nonzero(lasso(problem, largest_lambda(problem)).beta) == 0);
  CHECK(nonzero(lasso(problem, 0.999 * largest_lambda(problem)).beta) == 1);
  CHECK_THROWS_AS(lasso(problem, -1.0), ConfigError);
}

TEST_CASE("lasso: the optimality conditions hold and no step improves the objective") {
  const Matrix z = random_matrix(40, 6, 2), y = random_matrix(40, 1, 3);
  const LassoProblem problem = lasso_problem(z, y);
  for (const double share : {0.05, 0.2, 0.5, 0.8}) {
    const double lambda = share * largest_lambda(problem);
    const LassoFit fit = lasso(problem, lambda);
    CHECK(fit.violation < 1e-8);
    Matrix beta(6, 1);
    beta.values = fit.beta;
    const Matrix gradient = transposed_product(z, difference(y, product(z, beta)));
    for (std::int64_t j = 0; j < 6; ++j) {
      const double g = gradient(j, 0) / 40.0;
      if (beta(j, 0) == 0.0) CHECK(std::abs(g) <= lambda + 1e-8);
      if (beta(j, 0) != 0.0) CHECK(g == doctest::Approx(std::copysign(lambda, beta(j, 0))).epsilon(1e-7));
    }
    const double least = objective(z, y, fit.beta, lambda);
    for (unsigned trial = 0; trial < 20; ++trial) {
      std::vector<double> moved = fit.beta;
      const std::vector<double> step = random_values(6, 100 + trial, -0.05, 0.05);
      for (std::size_t j = 0; j < 6; ++j) moved[j] += step[j];
      CHECK(objective(z, y, moved, lambda) > least);
    }
  }
}

TEST_CASE("lasso: an orthonormal design thresholds the correlations softly") {
  Matrix z = orthogonal_matrix(10, 5, 4);
  for (double& value : z.values) value *= std::sqrt(10.0);  // so that Z^T Z / N = 1
  const LassoProblem problem = lasso_problem(z, random_matrix(10, 1, 5));
  for (const double lambda : {0.0, 0.05, 0.2}) {
    const std::vector<double> beta = lasso(problem, lambda).beta;
    for (std::size_t j = 0; j < 5; ++j) {
      const double c = problem.correlation[j];
      CHECK(beta[j] == doctest::Approx(std::copysign(std::max(std::abs(c) - lambda, 0.0), c)).epsilon(1e-9));
    }
  }
}

TEST_CASE("lasso: sums over patches are those of the contributions written out") {
  constexpr std::int64_t kSamples = 20, kTaps = 4, kChannels = 3, kOutputs = 2;
  const Matrix x = random_matrix(kSamples, kTaps * kChannels, 6), w = random_matrix(kTaps * kChannels, kOutputs, 7),
               y = random_matrix(kSamples, kOutputs, 8);
  Matrix z(kSamples * kOutputs, kChannels), flat(kSamples * kOutputs, 1);
  for (std::int64_t i = 0; i < kSamples; ++i) {
    for (std::int64_t k = 0; k < kOutputs; ++k) {
      flat(i * kOutputs + k, 0) = y(i, k);
      for (std::int64_t f = 0; f < kTaps * kChannels; ++f) z(i * kOutputs + k, f % kChannels) += x(i, f) * w(f, k);
    }
  }
  const LassoProblem sums = lasso_problem(x, y, w, kChannels);
  LassoProblem written = lasso_problem(z, flat);
  for (double& value : written.gram.values) value *= kOutputs;  // N counts samples there, outputs here
  for (double& value : written.correlation) value *= kOutputs;
  CHECK(difference(sums.gram.values, written.gram.values).relative < 1e-12);
  CHECK(difference(sums.correlation, written.correlation).relative < 1e-12);
}

TEST_CASE("lasso: the choice has the asked size and stays near the best subset") {
  const Matrix z = random_matrix(80, 8, 9);
  Matrix mixed = z;
  for (std::int64_t i = 0; i < z.rows; ++i) {
    for (std::int64_t j = 0; j < 8; ++j) mixed(i, j) *= 0.2 + 0.3 * static_cast<double>((5 * j) % 8);
  }
  const Matrix y = sum_of_columns(mixed);
  for (std::int64_t count = 1; count <= 8; ++count) {
    const LassoChoice choice = lasso_choice(lasso_problem(mixed, y), count);
    REQUIRE(static_cast<std::int64_t>(choice.kept.size()) == count);
    CHECK(std::is_sorted(choice.kept.begin(), choice.kept.end()));
    CHECK(nonzero(choice.beta) >= count);
    double best = 1e300, worst = 0.0;
    for (unsigned set = 0; set < 256; ++set) {
      if (std::popcount(set) != count) continue;
      std::vector<std::int64_t> members;
      for (int j = 0; j < 8; ++j) {
        if (set >> j & 1) members.push_back(j);
      }
      best = std::min(best, best_error(mixed, y, members));
      worst = std::max(worst, best_error(mixed, y, members));
    }
    CHECK(best_error(mixed, y, choice.kept) <= best + 0.1 * (worst - best) + 1e-9);
  }
}

TEST_CASE("lasso: the bisection ends between the count and a tenth more") {
  const Matrix z = random_matrix(400, 60, 10);
  const LassoProblem problem = lasso_problem(z, random_matrix(400, 1, 11));
  for (const std::int64_t count : {10, 20, 30, 50}) {
    const std::int64_t found = nonzero(lasso_choice(problem, count).beta);
    CHECK(found >= count);
    CHECK(10 * found <= 11 * count);
  }
}

TEST_CASE("lasso: dead channels go first and fill up only where nothing else is left") {
  Matrix z = random_matrix(40, 5, 12);
  for (std::int64_t i = 0; i < z.rows; ++i) z(i, 1) = z(i, 3) = 0.0;
  const LassoProblem problem = lasso_problem(z, sum_of_columns(z));
  CHECK(lasso_choice(problem, 3).kept == std::vector<std::int64_t>{0, 2, 4});
  CHECK(lasso_choice(problem, 4).kept == std::vector<std::int64_t>{0, 1, 2, 4});
  CHECK_THROWS_AS(lasso_choice(problem, 0), ConfigError);
  CHECK_THROWS_AS(lasso_choice(problem, 6), ConfigError);
}

}  // namespace pliant::test
