#include "train/pruning/least_squares.h"

#include <cmath>
#include <eigen3/Eigen/Dense>

#include "core/check.h"

namespace pliant {

namespace {

using Dense = Eigen::Matrix<double, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;

constexpr double kRidge = 1e-7;
constexpr int kRounds = 5;
// A column whose deviations from its mean are this small beside its values is a constant that was rounded in single precision.
constexpr double kConstant = 1e-12;

Eigen::Map<const Dense> view(const Matrix& m) { return {m.values.data(), m.rows, m.columns}; }

Matrix matrix_of(const Dense& m) {
  Matrix result(m.rows(), m.cols());
  std::copy(m.data(), m.data() + m.size(), result.values.begin());
  return result;
}

void require_finite(const char* what, const Matrix& m) {
  for (const double value : m.values) PLIANT_REQUIRE(DataError, std::isfinite(value), "least squares: the ", what, " hold ", value);
}

// 1 / norm of each column; 0 for a column that is zero or, once its mean is taken off, was constant.
Eigen::VectorXd inverse_norms(const Dense& x, const Eigen::RowVectorXd& means) {
  Eigen::VectorXd inverse(x.cols());
  for (Eigen::Index j = 0; j < x.cols(); ++j) {
    const double spread = x.col(j).squaredNorm(), constant = means[j] * means[j] * static_cast<double>(x.rows());
    inverse[j] = spread > kConstant * constant && spread > 0.0 ? 1.0 / std::sqrt(spread) : 0.0;
  }
  return inverse;
}

}  // namespace

Matrix product(const Matrix& a, const Matrix& b) {
  PLIANT_REQUIRE(ShapeError, a.columns == b.rows, "product of ", a.rows, " x ", a.columns, " and ", b.rows, " x ", b.columns);
  return matrix_of(view(a) * view(b));
}

Matrix transposed_product(const Matrix& a, const Matrix& b) {
  PLIANT_REQUIRE(ShapeError, a.rows == b.rows, "transposed product of ", a.rows, " x ", a.columns, " and ", b.rows, " x ", b.columns);
  return matrix_of(view(a).transpose() * view(b));
}

Matrix difference(const Matrix& a, const Matrix& b) {
  PLIANT_REQUIRE(ShapeError, a.rows == b.rows && a.columns == b.columns, "difference of ", a.rows, " x ", a.columns, " and ", b.rows, " x ",
                 b.columns);
  return matrix_of(view(a) - view(b));
}

Matrix columns_of(const Matrix& x, const std::vector<std::int64_t>& columns) {
  Matrix part(x.rows, static_cast<std::int64_t>(columns.size()));
  for (std::int64_t i = 0; i < x.rows; ++i) {
    for (std::int64_t j = 0; j < part.columns; ++j) part(i, j) = x(i, columns[static_cast<std::size_t>(j)]);
  }
  return part;
}

double squared_norm(const Matrix& a) { return view(a).squaredNorm(); }

LinearFit least_squares(const Matrix& x, const Matrix& y, const Matrix& start, bool intercept) {
  PLIANT_REQUIRE(ShapeError, x.rows >= 1 && x.rows == y.rows && start.rows == x.columns && start.columns == y.columns, "least squares: ", x.rows,
                 " x ", x.columns, " features, ", y.rows, " x ", y.columns, " targets and a start of ", start.rows, " x ", start.columns);
  require_finite("features", x);
  require_finite("targets", y);
  Dense features = view(x), rest = view(y) - view(x) * view(start);
  Eigen::RowVectorXd feature_means = Eigen::RowVectorXd::Zero(x.columns), rest_means = Eigen::RowVectorXd::Zero(y.columns);
  if (intercept) {
    feature_means = features.colwise().mean();
    rest_means = rest.colwise().mean();
    features.rowwise() -= feature_means;
    rest.rowwise() -= rest_means;
  }
  const Eigen::VectorXd scale = inverse_norms(features, feature_means);
  features *= scale.asDiagonal();
  const Dense gram = features.transpose() * features, target = features.transpose() * rest;
  const Eigen::LLT<Eigen::MatrixXd> regularised(gram + kRidge * Dense::Identity(x.columns, x.columns));
  Dense change = Dense::Zero(x.columns, y.columns);
  for (int round = 0; round < kRounds; ++round) change += regularised.solve(target - gram * change);
  change = scale.asDiagonal() * change;
  const Eigen::RowVectorXd constant = rest_means - feature_means * change;
  return {matrix_of(view(start) + change), {constant.data(), constant.data() + constant.size()}};
}

}  // namespace pliant
