// Nets that compute in 16 bits beside f32 master weights: the same nets, close to f32, on every backend.
#include <doctest/doctest.h>

#include <cmath>

#include "nets/early_exit.h"
#include "nets/extract.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

constexpr DType kShort[] = {DType::bf16, DType::f16};

// Logits lie within a few roundings of those in f32: about 20 layers, each of which rounds a few times.
double tolerance(DType dtype) { return 12.0 * roundoff(dtype); }

// Two further widths with sets of their own, two further exits and stochastic depth.
NetDescription dynamic_net() {
  NetDescription d = tiny_resnet();
  const Net plain = build_net(d);
  d.widths = {share_of_axes(plain, 0.75), share_of_axes(plain, 0.5)};
  d.batch_norm_sets = 3;
  d.survival.assign(static_cast<std::size_t>(plain.blocks), 0.5);
  d.exits = {3, 6};
  return d;
}

double cosine(const Tensor& a, const Tensor& b) {
  const std::vector<double> x = a.to_doubles(), y = b.to_doubles();
  double dot = 0.0, xx = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) dot += x[i] * y[i], xx += x[i] * x[i], yy += y[i] * y[i];
  return dot / std::sqrt(xx * yy);
}

// One pass, forward and backward, beside the same in f32.
void check_pass(Context& context, DType dtype, const NetDescription& description, const Selection& select) {
  CAPTURE(dtype);
  CAPTURE(select);
  Net net = make_net(context, description, dtype), plain = make_net(cpu(), description, DType::f32);
  const StepOutcome actual = train_pass(net, select), expected = train_pass(plain, select);
  REQUIRE(actual.logits.size() == expected.logits.size());
  for (std::size_t exit = 0; exit < actual.logits.size(); ++exit) {
    CHECK(actual.logits[exit].dtype() == DType::f32);
    const Difference logits = difference(actual.logits[exit], expected.logits[exit]);
    INFO(logits.where);
    CHECK(logits.relative <= tolerance(dtype));
    CHECK(logits.relative > 0.0);  // it was computed in 16 bits
  }
  CHECK(actual.gradients.dtype() == DType::f32);
  CHECK(actual.buffers.dtype() == DType::f32);
  CHECK(cosine(actual.gradients, expected.gradients) > 0.95);  // ReLUs near 0 switch, and f16 has no loss scale here
  CHECK(difference(actual.buffers, expected.buffers).relative <= tolerance(dtype));
}

}  // namespace

TEST_CASE("precision: a plain net in bf16 and f16 is close to f32 on the CPU and on the kernels") {
  const std::vector<NamedContext> contexts = gpu_contexts();
  for (const DType dtype : kShort) check_pass(cpu(), dtype, tiny_resnet(), {});
  check_pass(*contexts.back().context, DType::bf16, tiny_resnet(), {});
}

TEST_CASE("precision: widths and exits and dropped blocks in bf16 are close to f32") {
  Selection narrow{.width = 2};
  narrow.dropped = {1, 4};
  check_pass(cpu(), DType::bf16, dynamic_net(), {});
  check_pass(cpu(), DType::bf16, dynamic_net(), narrow);
  check_pass(*gpu_contexts().front().context, DType::bf16, dynamic_net(), narrow);
}

TEST_CASE("precision: nets with other layers in bf16 are close to f32") {
  for (const char* name : {"mobilenet-v1", "densenet40", "vgg16", "b-alexnet", "lenet5"}) {
    CAPTURE(name);
    NetDescription d = default_description(name);
    const Net full = build_net(d);
    for (const auto& axis : full.store->axes()) {
      if (axis->plain()) d.axis_sizes[axis->name()] = std::min<std::int64_t>(axis->size(), 6);
    }
    Net net = make_net(cpu(), d, DType::bf16), plain = make_net(cpu(), d, DType::f32);
    const std::vector<Tensor> actual = eval_pass(net), expected = eval_pass(plain);
    for (std::size_t exit = 0; exit < actual.size(); ++exit) CHECK(difference(actual[exit], expected[exit]).relative <= 0.2);
  }
}

TEST_CASE("precision: masked channels are exactly zero in bf16 too") {
  Net net = make_net(cpu(), tiny_resnet(), DType::bf16), without = make_net(cpu(), tiny_resnet(), DType::bf16);
  ChannelAxis* axis = nullptr;
  for (const auto& one : net.store->axes()) {
    if (one->plain()) axis = one.get();
  }
  std::vector<double> keep(static_cast<std::size_t>(axis->size()), 1.0);
  keep[0] = keep[2] = 0.0;
  axis->mask = make_tensor(cpu(), {axis->size()}, DType::f32, keep);
  CHECK_FALSE(bit_equal(eval_pass(net)[0], eval_pass(without)[0]));
  const StepOutcome outcome = train_pass(net);
  for (const double value : outcome.logits[0].to_doubles()) CHECK(std::isfinite(value));
}

TEST_CASE("precision: copies and extracted nets compute in the type of their source") {
  const Net net = make_net(cpu(), dynamic_net(), DType::bf16);
  const Net whole = copy_of(net), part = extract(net, {1, 1});
  CHECK(whole.store->compute_dtype() == DType::bf16);
  CHECK(part.store->compute_dtype() == DType::bf16);
  CHECK(part.store->dtype() == DType::f32);
  CHECK(bit_equal(eval_pass(whole)[0], eval_pass(net)[0]));
  Selection select{.width = 1};
  select.skipped_exits = {0, 2};
  CHECK(difference(eval_pass(part)[0], eval_pass(net, select)[0]).relative <= tolerance(DType::bf16));
}

TEST_CASE("precision: samples leave early in bf16 as their logits say") {
  const Net net = make_net(cpu(), dynamic_net(), DType::bf16);
  const Tensor x = random_tensor(cpu(), {5, 8, 8, 3}, DType::f32, 5);
  Pass pass{.context = cpu()};
  const EarlyExitResult early = classify_early(net, pass, x, {ConfidenceMeasure::max_probability, {0.0, 0.0}}, true);
  CHECK(early.logits.dtype() == DType::f32);
  Pass again{.context = cpu(), .select = only_exit(net, 0)};
  CHECK(bit_equal(early.logits, forward(net, again, Var{x})[0].value));
}

}  // namespace pliant::test
