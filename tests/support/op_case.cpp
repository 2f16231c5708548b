#include "tests/support/op_case.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"

namespace pliant::test {

namespace {

std::vector<std::vector<double>> random_inputs(const OpCase& op) {
  std::vector<std::vector<double>> inputs;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    inputs.push_back(random_values(op.inputs[i].size(), 100 + static_cast<unsigned>(i), op.low, op.high, op.avoid));
  }
  return inputs;
}

// <op(inputs), r> in double, r random: a plain sum has no gradient through a softmax or a normalisation.
double projected(const OpCase& op, const std::vector<std::vector<double>>& inputs) {
  std::vector<Var> vars;
  for (std::size_t i = 0; i < inputs.size(); ++i) vars.push_back({make_tensor(cpu(), op.inputs[i], DType::f64, inputs[i])});
  const std::vector<double> y = op.apply(vars).value.to_doubles();
  const std::vector<double> r = random_values(static_cast<std::int64_t>(y.size()), 99);
  double sum = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * r[i];
  return sum;
}

}  // namespace

namespace {

std::vector<Tensor> inputs_of(Context& context, DType dtype, const OpCase& op, DType values) {
  std::vector<Tensor> tensors;
  const auto inputs = random_inputs(op);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool master = std::find(op.masters.begin(), op.masters.end(), i) != op.masters.end();
    tensors.push_back(master ? make_tensor(context, op.inputs[i], accumulation_dtype(dtype), inputs[i])
                             : make_tensor(context, op.inputs[i], dtype, rounded(inputs[i], values)));
  }
  return tensors;
}

}  // namespace

std::vector<Tensor> inputs_of(Context& context, DType dtype, const OpCase& op) { return inputs_of(context, dtype, op, dtype); }

Outcome run_case(Context& context, DType dtype, const OpCase& op, DType values) {
  Tape tape;
  std::vector<Var> leaves;
  for (const Tensor& input : inputs_of(context, dtype, op, values)) leaves.push_back(tape.leaf(input));
  const Var y = op.apply(leaves);
  const std::vector<double> dy = rounded(random_values(y.value.size(), 99), values);
  tape.backward({{y, make_tensor(context, y.value.shape(), y.value.dtype(), dy)}});
  Outcome outcome{y.value, {}};
  for (const Var& leaf : leaves) outcome.gradients.push_back(tape.gradient(leaf));
  return outcome;
}

double gradient_error(const OpCase& op) {
  const Outcome outcome = run_case(cpu(), DType::f64, op);
  auto inputs = random_inputs(op);
  double worst = 0.0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    std::vector<double> analytic(inputs[i].size(), 0.0);
    if (outcome.gradients[i]) analytic = outcome.gradients[i].to_doubles();
    double scale = 1e-3, distance = 0.0;
    for (std::size_t j = 0; j < inputs[i].size(); ++j) {
      const double h = 1e-5, original = inputs[i][j];
      inputs[i][j] = original + h;
      const double above = projected(op, inputs);
      inputs[i][j] = original - h;
      const double below = projected(op, inputs);
      inputs[i][j] = original;
      const double numeric = (above - below) / (2 * h);
      if (!std::isfinite(numeric) || !std::isfinite(analytic[j])) return std::numeric_limits<double>::infinity();
      scale = std::max({scale, std::abs(numeric), std::abs(analytic[j])});
      distance = std::max(distance, std::abs(numeric - analytic[j]));
    }
    worst = std::max(worst, distance / scale);
  }
  return worst;
}

}  // namespace pliant::test
