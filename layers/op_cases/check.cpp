#include "layers/op_cases/check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "layers/op_cases/contexts.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::vector<std::vector<double>> random_inputs(const OpCase& op) {
  std::vector<std::vector<double>> inputs;
  for (std::size_t i = 0; i < op.inputs.size(); ++i) {
    inputs.push_back(random_values(op.inputs[i].size(), 100 + static_cast<unsigned>(i), op.low, op.high, op.avoid));
  }
  return inputs;
}

// The result of the operation on leaves and its constants.
Var applied(Context& context, DType dtype, const OpCase& op, std::vector<Var> leaves) {
  if (op.constants) {
    for (Tensor& constant : op.constants(context, dtype)) leaves.push_back({std::move(constant)});
  }
  return op.apply(leaves);
}

// <op(inputs), r> in double, r random: a plain sum has no gradient through a softmax or a normalisation.
double projected(Context& cpu, const OpCase& op, const std::vector<std::vector<double>>& inputs) {
  std::vector<Var> vars;
  for (std::size_t i = 0; i < inputs.size(); ++i) vars.push_back({make_tensor(cpu, op.inputs[i], DType::f64, inputs[i])});
  const std::vector<double> y = applied(cpu, DType::f64, op, vars).value.to_doubles();
  const std::vector<double> r = random_values(static_cast<std::int64_t>(y.size()), 99);
  double sum = 0.0;
  for (std::size_t i = 0; i < y.size(); ++i) sum += y[i] * r[i];
  return sum;
}

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

// The one comparison of `what`; `figures` are the worst element's.
CheckResult compared(const std::string& what, double error, double limit, const std::string& figures) {
  CheckResult result;
  result.error = error, result.limit = limit, result.comparisons = 1;
  result.message = cat(what, ": ", figures, "; ");
  result.message += std::isfinite(error) ? cat("the difference is ", error, " of the largest value, the limit ", limit) : cat("not comparable within ", limit);
  return result;
}

CheckResult compared(const std::string& what, const Tensor& actual, const Tensor& expected, double limit) {
  const Difference distance = difference(actual, expected);
  return compared(what, distance.relative, limit, distance.where);
}

// The result of body(), which may throw what the operation does.
template <class Body>
CheckResult guarded(const std::string& what, double limit, Body&& body) {
  try {
    const CheckResult result = body();
    return result.comparisons > 0 ? result : compared(what, kInfinity, limit, "nothing to compare");
  } catch (const Error& error) {
    return compared(what, kInfinity, limit, error.what());
  }
}

// The gradient of input i: analytic against numeric.
CheckResult check_gradient_of(Context& cpu, const OpCase& op, std::size_t i, const Tensor& gradient) {
  const std::string what = cat(op.name, ", f64 on cpu, gradient of input ", i);
  auto inputs = random_inputs(op);
  std::vector<double> analytic(inputs[i].size(), 0.0);
  if (gradient) {
    if (gradient.shape() != op.inputs[i]) return compared(what, kInfinity, op.gradient_tolerance, cat(gradient, ", expected ", op.inputs[i]));
    analytic = gradient.to_doubles();
  }
  double scale = 1e-3, worst = -1.0;
  std::string where;
  for (std::size_t j = 0; j < inputs[i].size(); ++j) {
    const double h = 1e-5, original = inputs[i][j];
    inputs[i][j] = original + h;
    const double above = projected(cpu, op, inputs);
    inputs[i][j] = original - h;
    const double below = projected(cpu, op, inputs);
    inputs[i][j] = original;
    const double numeric = (above - below) / (2 * h), distance = std::abs(numeric - analytic[j]);
    const std::string figures = cat("element ", j, ": ", analytic[j], " from backward(), ", numeric, " by differences");
    if (!std::isfinite(distance)) return compared(what, kInfinity, op.gradient_tolerance, figures);
    scale = std::max({scale, std::abs(numeric), std::abs(analytic[j])});
    if (distance > worst) worst = distance, where = figures;
  }
  return worst < 0.0 ? CheckResult{} : compared(what, worst / scale, op.gradient_tolerance, where);
}

std::vector<Tensor> outputs_of(const KernelCase& one, Context& context, DType dtype) {
  const PreparedKernel kernel = one.prepare(context, dtype);
  kernel.run();
  return kernel.outputs;
}

// 16 bits where the case meets them: `both` on every context, else bf16 on the first and f16 on the last.
template <class Case>
void check_everywhere(const Case& one, bool both, CheckResult& all) {
  Context cpu(Device::cpu);
  const std::vector<NamedContext> gpus = gpu_contexts();
  all.add(check_against_double(one, cpu, DType::f32));
  for (const NamedContext& gpu : gpus) all.add(check_against_double(one, *gpu.context, DType::f32));
  if (one.roundings == 0.0) return;
  for (const DType dtype : {DType::bf16, DType::f16}) {
    all.add(check_against_double(one, cpu, dtype));
    if (both || dtype == DType::bf16) all.add(check_against_double(one, *gpus.front().context, dtype));
    if (both || dtype == DType::f16) all.add(check_against_double(one, *gpus.back().context, dtype));
  }
}

template <class Case>
double limit_of(const Case& one, DType dtype) {
  PLIANT_REQUIRE(ConfigError, one.roundings > 0.0 || !is_16_bit(dtype), one.name, ": says by roundings = 0 that it never meets ", dtype);
  return one.tolerance + one.roundings * roundoff(dtype);
}

}  // namespace

void CheckResult::add(const CheckResult& other) {
  comparisons += other.comparisons;
  const auto badness = [](const CheckResult& result) {
    if (result.error <= 0.0) return 0.0;
    const double share = result.error / result.limit;
    return std::isnan(share) ? kInfinity : share;
  };
  if (!message.empty() && (other.message.empty() || badness(other) <= badness(*this))) return;
  error = other.error, limit = other.limit, message = other.message;
}

std::vector<Tensor> inputs_of(Context& context, DType dtype, const OpCase& op) { return inputs_of(context, dtype, op, dtype); }

Outcome run_case(Context& context, DType dtype, const OpCase& op, DType values) {
  Tape tape;
  std::vector<Var> leaves;
  for (const Tensor& input : inputs_of(context, dtype, op, values)) leaves.push_back(tape.leaf(input));
  const Var y = applied(context, dtype, op, leaves);
  const std::vector<double> dy = rounded(random_values(y.value.size(), 99), values);
  tape.backward({{y, make_tensor(context, y.value.shape(), y.value.dtype(), dy)}});
  Outcome outcome{y.value, {}};
  for (const Var& leaf : leaves) outcome.gradients.push_back(tape.gradient(leaf));
  return outcome;
}

CheckResult check_gradient(const OpCase& op) {
  return guarded(cat(op.name, ", f64 on cpu"), op.gradient_tolerance, [&] {
    Context cpu(Device::cpu);
    const Outcome outcome = run_case(cpu, DType::f64, op);
    CheckResult all;
    for (std::size_t i = 0; i < op.inputs.size(); ++i) all.add(check_gradient_of(cpu, op, i, outcome.gradients[i]));
    return all;
  });
}

CheckResult check_against_double(const OpCase& op, Context& context, DType dtype) {
  const double limit = limit_of(op, dtype);
  const std::string what = cat(op.name, ", ", dtype, " on ", place_of(context));
  return guarded(what, limit, [&] {
    Context cpu(Device::cpu, {.threads = context.threads()});
    const Outcome actual = run_case(context, dtype, op), expected = run_case(cpu, DType::f64, op, dtype);
    if (actual.y.dtype() != dtype) return compared(cat(what, ", y"), kInfinity, limit, cat(actual.y, ", expected ", dtype));
    CheckResult all = compared(cat(what, ", y"), actual.y, expected.y, limit);
    for (std::size_t i = 0; i < actual.gradients.size(); ++i) {
      if (!actual.gradients[i] && !expected.gradients[i]) continue;
      all.add(compared(cat(what, ", gradient of input ", i), actual.gradients[i], expected.gradients[i], limit));
    }
    return all;
  });
}

CheckResult check_against_double(const KernelCase& one, Context& context, DType dtype) {
  const double limit = limit_of(one, dtype);
  const std::string what = cat(one.name, ", ", dtype, " on ", place_of(context));
  return guarded(what, limit, [&] {
    Context cpu(Device::cpu, {.threads = context.threads()});
    const std::vector<Tensor> actual = outputs_of(one, context, dtype), expected = outputs_of(one, cpu, DType::f64);
    if (actual.size() != expected.size()) return compared(what, kInfinity, limit, cat(actual.size(), " outputs, expected ", expected.size()));
    CheckResult all;
    for (std::size_t i = 0; i < actual.size(); ++i) all.add(compared(cat(what, ", output ", i), actual[i], expected[i], limit));
    return all;
  });
}

CheckResult check_operation(const OpCase& op) {
  CheckResult all = check_gradient(op);
  check_everywhere(op, false, all);
  return all;
}

CheckResult check_operation(const KernelCase& one) {
  CheckResult all;
  check_everywhere(one, true, all);
  return all;
}

}  // namespace pliant
