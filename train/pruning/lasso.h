// The LASSO by cyclic coordinate descent, and the choice of channels by it (He, Zhang, Sun, "Channel pruning for accelerating very
// deep neural networks", ICCV 2017). Works on sums of products, so that the matrix of all channels' contributions is never made.
#pragma once

#include "train/pruning/least_squares.h"

namespace pliant {

// min over beta of  1/(2N) ||y - Z beta||^2 + lambda ||beta||_1, known by its products.
struct LassoProblem {
  Matrix gram;                      // Z^T Z / N, [C, C]
  std::vector<double> correlation;  // Z^T y / N, [C]
};

LassoProblem lasso_problem(const Matrix& z, const Matrix& y);  // [N, C] and [N, 1]

// The problem of He et al., eq. 2, with W fixed: y = vec(Y) and the columns Z_i = vec(X_i W_i^T) of eq. 1, for patches X [N, taps * C]
// and weights W [taps * C, n], channel fastest as in a filter [n, R, S, C], and targets Y [N, n].
// Z_i^T Z_j = <X_i^T X_j, W_i W_j^T> needs no Z.
LassoProblem lasso_problem(const Matrix& patches, const Matrix& targets, const Matrix& weights, std::int64_t channels);

// beta and the largest violation of its optimality conditions, |Z_j^T r / N| <= lambda, with equality and beta's sign where beta_j != 0.
struct LassoFit {
  std::vector<double> beta;
  double violation = 0.0;
};

// Cyclic coordinate descent (Friedman, Hastie, Tibshirani, "Regularization paths for generalized linear models via coordinate
// descent", 2010, eq. 5):  beta_j <- S(Z_j^T r_j / N, lambda) / (Z_j^T Z_j / N),  r_j the residual without channel j. It starts at
// `start` (empty: zeros) and ends once the violation is below 1e-9 of the largest correlation, or after `sweeps` rounds over all
// channels; what is left of the violation is in the result.
LassoFit lasso(const LassoProblem& problem, double lambda, const std::vector<double>& start = {}, int sweeps = 20000);

// The smallest lambda for which beta is 0.
double largest_lambda(const LassoProblem& problem);

struct LassoChoice {
  std::vector<std::int64_t> kept;  // ascending
  std::vector<double> beta;        // of the accepted lambda, before trimming; ones where all channels are kept
  double lambda = 0.0;
};

// Exactly `count` channels: bisection on lambda until between count and 1.1 count betas are not zero, then the `count` largest |beta|
// of them. Where no lambda gives such a number, the nearest above serves; where fewer channels than `count` contribute
// at all, the lowest of the others are kept too. Throws ConfigError unless 1 <= count <= C.
LassoChoice lasso_choice(const LassoProblem& problem, std::int64_t count);

}  // namespace pliant
