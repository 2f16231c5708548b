#include "train/bench/timed_ops.h"

#include <algorithm>
#include <charconv>
#include <memory>
#include <set>

#include "layers/op_cases/check.h"
#include "layers/op_cases/values.h"

namespace pliant {

namespace {

constexpr const char* kForward = "forward";
constexpr const char* kBoth = "forward+backward";
constexpr const char* kCall = "call";
constexpr std::size_t kMostSizes = 5;
constexpr double kMostValues = 0x1p40;

double bytes_of(const std::vector<Tensor>& tensors, const Tensor& but = {}) {
  std::set<const void*> seen;
  if (but) seen.insert(but.address());
  double bytes = 0.0;
  for (const Tensor& tensor : tensors) {
    if (tensor && seen.insert(tensor.address()).second) bytes += static_cast<double>(tensor.bytes());
  }
  return bytes;
}

// The inputs and constants of an operation, which stay, and its two passes.
struct Operation {
  Operation(Context& context, DType dtype, const OpCase& given) : op(given), inputs(inputs_of(context, dtype, op)) {
    if (op.constants) constants = op.constants(context, dtype);
    const Tensor y = forward();
    dy = make_tensor(context, y.shape(), y.dtype(), random_values(y.size(), 99));
  }

  Var applied(std::vector<Var> leaves) const {
    for (const Tensor& constant : constants) leaves.push_back({constant});
    return op.apply(leaves);
  }

  Tensor forward() const {
    std::vector<Var> leaves;
    for (const Tensor& input : inputs) leaves.push_back({input});
    return applied(std::move(leaves)).value;
  }

  std::vector<Tensor> both() const {
    Tape tape;
    std::vector<Var> leaves;
    for (const Tensor& input : inputs) leaves.push_back(tape.leaf(input));
    tape.backward({{applied(leaves), dy}});
    std::vector<Tensor> gradients;
    for (const Var& leaf : leaves) gradients.push_back(tape.gradient(leaf));
    return gradients;
  }

  OpCase op;
  std::vector<Tensor> inputs, constants;
  Tensor dy;
};

void require_dtype(const std::string& name, double roundings, DType dtype) {
  PLIANT_REQUIRE(ConfigError, roundings > 0.0 || !is_16_bit(dtype), name, ": is not computed in ", dtype);
}

std::size_t sizes_in(const std::string& form) { return 1 + static_cast<std::size_t>(std::count(form.begin(), form.end(), 'x')); }

}  // namespace

std::vector<TimedCall> timed_calls(Context& context, DType dtype, const OpCase& op) {
  require_dtype(op.name, op.roundings, dtype);
  const auto one = std::make_shared<Operation>(context, dtype, op);
  const auto value = static_cast<double>(bytes_of(dtype));
  const double forward = bytes_of(one->inputs) + bytes_of({one->dy}) + value * static_cast<double>(op.work.reread);
  const double backward = bytes_of({one->dy}) + bytes_of(one->both(), one->dy) + value * static_cast<double>(op.work.kept);
  return {{kForward, [one] { one->forward(); }, forward, op.work.flops}, {kBoth, [one] { one->both(); }, forward + backward, 3.0 * op.work.flops}};
}

std::vector<TimedCall> timed_calls(Context& context, DType dtype, const KernelCase& one) {
  require_dtype(one.name, one.roundings, dtype);
  PreparedKernel kernel = one.prepare(context, dtype);
  return {{kCall, std::move(kernel.run), kernel.bytes, kernel.flops}};
}

std::vector<TimedCall> timed_calls(Context& context, DType dtype, const OpFamily& family, const Sizes& sizes) {
  return family.op ? timed_calls(context, dtype, family.op(sizes)) : timed_calls(context, dtype, family.kernel(sizes));
}

std::vector<std::string> passes_of(const OpFamily& family) {
  if (family.op) return {kForward, kBoth};
  return {kCall};
}

bool meets(const OpFamily& family, const Sizes& sizes, DType dtype) {
  const double roundings = family.op ? family.op(sizes).roundings : family.kernel(sizes).roundings;
  return roundings > 0.0 || !is_16_bit(dtype);
}

Sizes parse_sizes(const std::string& text) {
  Sizes sizes;
  double product = 1.0;
  const char *at = text.data(), *end = at + text.size();
  while (true) {
    std::int64_t size = 0;
    const auto [behind, error] = std::from_chars(at, end, size);
    const bool good = error == std::errc() && size >= 1 && sizes.size() < kMostSizes && (product *= static_cast<double>(size)) <= kMostValues;
    PLIANT_REQUIRE(UsageError, good && (behind == end || *behind == 'x'), "\"", text, "\" is no shape: expected up to ", kMostSizes,
                   " numbers of at least 1 with an x between them, at most 2^40 in product, such as 128x32x32x64");
    sizes.push_back(size);
    if (behind == end) return sizes;
    at = behind + 1;
  }
}

std::string text_of(const Sizes& sizes) {
  std::string text;
  for (const std::int64_t size : sizes) text += cat(text.empty() ? "" : "x", size);
  return text;
}

bool fits(const OpFamily& family, const Sizes& sizes) {
  const std::string required = family.form.substr(0, family.form.find('['));
  return sizes.size() >= sizes_in(required) && sizes.size() <= sizes_in(family.form);
}

CallRates rates_of(const TimedCall& call, double seconds, const MachineRates& machine) {
  CallRates rates;
  if (call.flops > 0.0) {
    rates.flops_per_s = call.flops / seconds;
    if (machine.product > 0.0) rates.of_product = *rates.flops_per_s / machine.product;
  } else if (call.bytes > 0.0) {
    rates.bytes_per_s = call.bytes / seconds;
    if (machine.copy > 0.0) rates.of_copy = *rates.bytes_per_s / machine.copy;
  }
  return rates;
}

}  // namespace pliant
