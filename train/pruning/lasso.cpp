#include "train/pruning/lasso.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "core/check.h"

namespace pliant {

namespace {

constexpr double kTolerance = 1e-9;   // of the largest correlation
constexpr int kBisections = 40;
constexpr int kSweepsOfChoice = 300;  // which channels count is settled long before the last digits of beta are

double soft_threshold(double value, double lambda) {
  if (value > lambda) return value - lambda;
  return value < -lambda ? value + lambda : 0.0;
}

double violation(const std::vector<double>& beta, const std::vector<double>& gradient, double lambda) {
  double worst = 0.0;
  for (std::size_t j = 0; j < beta.size(); ++j) {
    const double excess = beta[j] == 0.0 ? std::abs(gradient[j]) - lambda : std::abs(gradient[j] - std::copysign(lambda, beta[j]));
    worst = std::max(worst, excess);
  }
  return worst;
}

// beta_j moves; gradient is Z^T (y - Z beta) / N.
void move(const LassoProblem& problem, std::size_t j, double to, std::vector<double>& beta, std::vector<double>& gradient) {
  const double step = to - beta[j];
  if (step == 0.0) return;
  beta[j] = to;
  const double* row = problem.gram.values.data() + j * gradient.size();
  for (std::size_t i = 0; i < gradient.size(); ++i) gradient[i] -= row[i] * step;
}

std::int64_t nonzero(const std::vector<double>& beta) {
  return static_cast<std::int64_t>(std::count_if(beta.begin(), beta.end(), [](double b) { return b != 0.0; }));
}

std::vector<std::int64_t> largest(const std::vector<double>& beta, std::int64_t count) {
  std::vector<std::int64_t> order(beta.size());
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](std::int64_t a, std::int64_t b) {
    return std::abs(beta[static_cast<std::size_t>(a)]) > std::abs(beta[static_cast<std::size_t>(b)]);
  });
  order.resize(static_cast<std::size_t>(count));
  std::sort(order.begin(), order.end());
  return order;
}

}  // namespace

LassoProblem lasso_problem(const Matrix& z, const Matrix& y) {
  PLIANT_REQUIRE(ShapeError, z.rows >= 1 && y.rows == z.rows && y.columns == 1, "LASSO of ", y.rows, " x ", y.columns, " targets on ", z.rows, " x ",
                 z.columns, " contributions");
  LassoProblem problem{transposed_product(z, z), transposed_product(z, y).values};
  for (double& value : problem.gram.values) value /= static_cast<double>(z.rows);
  for (double& value : problem.correlation) value /= static_cast<double>(z.rows);
  return problem;
}

LassoProblem lasso_problem(const Matrix& patches, const Matrix& targets, const Matrix& weights, std::int64_t channels) {
  PLIANT_REQUIRE(ShapeError, patches.rows >= 1 && patches.rows == targets.rows && patches.columns == weights.rows && targets.columns == weights.columns &&
                     channels >= 1 && patches.columns % channels == 0,
                 "LASSO of ", targets.rows, " x ", targets.columns, " targets on ", patches.rows, " x ", patches.columns, " patches of ", channels,
                 " channels with ", weights.rows, " x ", weights.columns, " weights");
  LassoProblem problem{Matrix(channels, channels), std::vector<double>(static_cast<std::size_t>(channels))};
  const auto count = static_cast<double>(patches.rows);
  const Matrix xx = transposed_product(patches, patches), xy = transposed_product(patches, targets);
  for (std::int64_t f = 0; f < xx.rows; ++f) {
    double& correlation = problem.correlation[static_cast<std::size_t>(f % channels)];
    for (std::int64_t k = 0; k < weights.columns; ++k) correlation += xy(f, k) * weights(f, k) / count;
  }
  Matrix transposed(weights.columns, weights.rows);
  for (std::int64_t f = 0; f < weights.rows; ++f) {
    for (std::int64_t k = 0; k < weights.columns; ++k) transposed(k, f) = weights(f, k);
  }
  const Matrix ww = product(weights, transposed);
  for (std::int64_t f = 0; f < xx.rows; ++f) {
    for (std::int64_t g = 0; g < xx.rows; ++g) problem.gram(f % channels, g % channels) += xx(f, g) * ww(f, g) / count;
  }
  return problem;
}

LassoFit lasso(const LassoProblem& problem, double lambda, const std::vector<double>& start, int sweeps) {
  const std::size_t channels = problem.correlation.size();
  PLIANT_REQUIRE(ConfigError, lambda >= 0.0, "LASSO: lambda is at least 0, got ", lambda);
  std::vector<double> beta(channels), gradient = problem.correlation;
  for (std::size_t j = 0; j < start.size(); ++j) move(problem, j, start[j], beta, gradient);
  const double enough = kTolerance * largest_lambda(problem);
  for (int sweep = 0; sweep < sweeps; ++sweep) {
    for (std::size_t j = 0; j < channels; ++j) {
      const double curvature = problem.gram.values[j * channels + j];
      move(problem, j, curvature > 0.0 ? soft_threshold(gradient[j] + curvature * beta[j], lambda) / curvature : 0.0, beta, gradient);
    }
    if (violation(beta, gradient, lambda) <= enough) break;
  }
  const double left = violation(beta, gradient, lambda);
  return {std::move(beta), left};
}

double largest_lambda(const LassoProblem& problem) {
  double largest = 0.0;
  for (const double value : problem.correlation) largest = std::max(largest, std::abs(value));
  return largest;
}

LassoChoice lasso_choice(const LassoProblem& problem, std::int64_t count) {
  const auto channels = static_cast<std::int64_t>(problem.correlation.size());
  PLIANT_REQUIRE(ConfigError, count >= 1 && count <= channels, "LASSO keeps 1 to ", channels, " channels, not ", count);
  if (count == channels) return {largest(problem.correlation, channels), std::vector<double>(problem.correlation.size(), 1.0), 0.0};
  double low = 0.0, high = largest_lambda(problem);
  LassoChoice best;
  std::int64_t best_count = -1;
  std::vector<double> beta;
  for (int i = 0; i < kBisections; ++i) {
    const double lambda = 0.5 * (low + high);
    beta = lasso(problem, lambda, beta, kSweepsOfChoice).beta;
    const std::int64_t found = nonzero(beta);
    // From below the count only more helps, from above only less.
    if (best_count < count ? found > best_count : found >= count && found < best_count) {
      best = {{}, beta, lambda};
      best_count = found;
    }
    if (found >= count && 10 * found <= 11 * count) break;
    (found < count ? high : low) = lambda;
  }
  best.kept = largest(best.beta, count);
  return best;
}

}  // namespace pliant
