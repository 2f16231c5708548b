// The general case contains the plain one, and every selection does what a net built for it alone would do.
#include <doctest/doctest.h>

#include "kernels/pack.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

// A net with two further widths, private batch-norm sets, two further exits and stochastic depth.
NetDescription everything() {
  NetDescription d = tiny_resnet();
  const Net plain = build_net(d);
  d.widths = {share_of_axes(plain, 0.5), share_of_axes(plain, 0.75)};
  d.batch_norm_sets = 3;
  d.survival.assign(static_cast<std::size_t>(plain.blocks), 0.5);
  d.exits = {3, 6};
  return d;
}

Tensor gradient_of(const StepOutcome& outcome, const Parameter& parameter) {
  return outcome.gradients.view(parameter.offset, parameter.shape());
}

}  // namespace

TEST_CASE("equivalence: a net with widths and sets and exits and survival at full width is the plain net bit for bit") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    Net plain = make_net(cpu(), tiny_resnet(), dtype), general = make_net(cpu(), everything(), dtype);
    copy_leading(plain, general);
    Selection last_only;
    last_only.skipped_exits = {0, 1};
    const StepOutcome expected = train_pass(plain), actual = train_pass(general, last_only);
    REQUIRE(actual.logits.size() == 1);
    CHECK(bit_equal(actual.logits[0], expected.logits[0]));
    int compared = 0;
    for (const Parameter& parameter : plain.store->parameters()) {
      const Parameter* other = general.store->find(parameter.name);
      REQUIRE(other);
      CAPTURE(parameter.name);
      CHECK(bit_equal(other->value, parameter.value));
      if (!parameter.trainable()) continue;
      CHECK(bit_equal(gradient_of(actual, *other), gradient_of(expected, parameter)));
      ++compared;
    }
    CHECK(compared > 50);
  }
}

TEST_CASE("equivalence: a width is the plain net of that width with the weights copied") {
  for (const int width : {1, 2}) {
    CAPTURE(width);
    NetDescription narrow = tiny_resnet();
    Net general = make_net(cpu(), everything(), DType::f64);
    for (const auto& axis : general.store->axes()) {
      if (axis->plain()) narrow.axis_sizes[axis->name()] = axis->active(width);
    }
    narrow.exits = {3, 6};
    Net alone = make_net(cpu(), narrow, DType::f64, 9);
    copy_leading(general, alone);
    for (Parameter& parameter : alone.store->parameters()) {  // private sets of that width
      const std::size_t dot = parameter.name.rfind('.');
      const Parameter* own = general.store->find(cat(parameter.name.substr(0, dot), ".set", width, parameter.name.substr(dot)));
      if (own) parameter.value.copy_from(own->value);
    }
    Selection select;
    select.width = width;
    const StepOutcome actual = train_pass(general, select), expected = train_pass(alone);
    REQUIRE(actual.logits.size() == 3);
    for (std::size_t exit = 0; exit < 3; ++exit) CHECK(difference(actual.logits[exit], expected.logits[exit]).relative <= 1e-12);
    // Inside the active part the gradients are those of the narrow net, outside they are exactly zero.
    for (const Parameter& parameter : general.store->parameters()) {
      const Parameter* other = alone.store->find(parameter.name);
      if (!other || parameter.role != Role::filter) continue;
      CAPTURE(parameter.name);
      const Tensor gradient = gradient_of(actual, parameter);
      Tensor active(cpu(), parameter.active_shape(width), DType::f64);
      kernels::pack(gradient, parameter.active_indices(width), active);
      CHECK(difference(active, gradient_of(expected, *other)).relative <= 1e-12);
      double inside = 0.0, all = 0.0;
      for (const double value : active.to_doubles()) inside += value != 0.0;
      for (const double value : gradient.to_doubles()) all += value != 0.0;
      CHECK(inside == all);
    }
  }
}

TEST_CASE("equivalence: a pass changes the statistics of its own set alone") {
  Net net = make_net(cpu(), everything(), DType::f64);
  const Tensor before = net.store->buffers().clone();
  Selection select;
  select.width = 1;
  const StepOutcome outcome = train_pass(net, select);
  int changed = 0, kept = 0;
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.trainable()) continue;
    CAPTURE(parameter.name);
    const bool own = parameter.name.find(".set1.") != std::string::npos;
    const bool same = bit_equal(before.view(parameter.offset, parameter.shape()), parameter.value);
    CHECK(same == !own);
    (same ? kept : changed) += 1;
  }
  CHECK(changed > 0);
  CHECK(kept == 2 * changed);
}

TEST_CASE("equivalence: a dropped branch is a branch whose last scale and shift are zero") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64), zeroed = make_net(cpu(), tiny_resnet(), DType::f64);
  for (const char* name : {"layer2.1.bn2.weight", "layer2.1.bn2.bias"}) zeroed.store->find(name)->value.zero();
  Selection select;
  select.dropped = {4};
  CHECK(bit_equal(eval_pass(net, select)[0], eval_pass(zeroed)[0]));
  const StepOutcome outcome = train_pass(net, select);
  for (const Parameter& parameter : net.store->parameters()) {
    if (!parameter.trainable() || !parameter.name.starts_with("layer2.1.")) continue;
    CAPTURE(parameter.name);
    CHECK(gradient_of(outcome, parameter).to_doubles() == std::vector<double>(static_cast<std::size_t>(parameter.shape().size()), 0.0));
  }
}

TEST_CASE("equivalence: a dropped branch does no work and updates no statistics") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  const Tensor before = net.store->buffers().clone();
  Selection all;
  for (int block = 0; block < net.blocks; ++block) all.dropped.insert(block);
  train_pass(net, all);
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.trainable()) continue;
    CAPTURE(parameter.name);
    CHECK(bit_equal(before.view(parameter.offset, parameter.shape()), parameter.value) == (parameter.name.starts_with("layer")));
  }
  const NetCost open = cost(net), closed = cost(net, all);
  CHECK(closed.macs < open.macs / 10);
}

TEST_CASE("equivalence: survival scales the branch in eval mode alone") {
  NetDescription half = tiny_resnet();
  half.survival.assign(9, 1.0);
  half.survival[4] = 0.5;
  Net net = make_net(cpu(), half, DType::f64), scaled = make_net(cpu(), tiny_resnet(), DType::f64);
  CHECK(bit_equal(train_pass(net).logits[0], train_pass(scaled).logits[0]));
  for (const char* name : {"layer2.1.bn2.weight", "layer2.1.bn2.bias"}) {
    Tensor value = scaled.store->find(name)->value;
    kernels::scale(value.clone(), 0.5, value);
  }
  CHECK(difference(eval_pass(net)[0], eval_pass(scaled)[0]).relative <= 1e-12);
}

TEST_CASE("equivalence: an exit does not depend on which others run and deeper stages do not run for it") {
  Net net = make_net(cpu(), everything(), DType::f64);
  const std::vector<Tensor> all = eval_pass(net);
  REQUIRE(all.size() == 3);
  for (int exit = 0; exit < 3; ++exit) {
    Selection alone;
    for (int other = 0; other < 3; ++other) {
      if (other != exit) alone.skipped_exits.insert(other);
    }
    const std::vector<Tensor> one = eval_pass(net, alone);
    REQUIRE(one.size() == 1);
    CHECK(bit_equal(one[0], all[static_cast<std::size_t>(exit)]));
  }
  Selection first;
  first.skipped_exits = {1, 2};
  CHECK(cost(net, first).macs < cost(net).macs);
  Selection none;
  none.skipped_exits = {0, 1, 2};
  CHECK_THROWS_WITH_AS(eval_pass(net, none), doctest::Contains("skips all 3 exits"), ConfigError);
}

TEST_CASE("equivalence: the gradient of a joint step is the sum of the gradients of its parts") {
  Net net = make_net(cpu(), everything(), DType::f64);
  const Tensor joint = train_pass(net).gradients;
  std::vector<double> sum(static_cast<std::size_t>(joint.size()), 0.0);
  for (int exit = 0; exit < 3; ++exit) {
    Selection alone;
    for (int other = 0; other < 3; ++other) {
      if (other != exit) alone.skipped_exits.insert(other);
    }
    const std::vector<double> part = train_pass(net, alone).gradients.to_doubles();
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += part[i];
  }
  CHECK(difference(joint.to_doubles(), sum).relative <= 1e-12);
}

TEST_CASE("equivalence: masked channels are zero everywhere and get no gradient") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f64);
  ChannelAxis& stream = *net.store->find_axis("layer2");
  stream.mask = make_tensor(cpu(), {stream.size()}, DType::f64, {1, 0, 1, 1, 0, 1});
  const StepOutcome outcome = train_pass(net);
  // The classifier of masked channels cannot matter: change every parameter that reads them and compare.
  const std::vector<Tensor> before = eval_pass(net);
  int touched = 0;
  for (Parameter& parameter : net.store->parameters()) {
    const std::size_t last = parameter.dims.size() - 1;
    for (std::size_t i : {std::size_t{0}, last}) {
      const ChannelAxis* axis = parameter.dims[i].axis;
      if (!axis || (axis != &stream && axis->stream() != &stream)) continue;
      ++touched;
      std::vector<double> values = parameter.value.to_doubles();
      const std::vector<double> gradient = parameter.trainable() ? gradient_of(outcome, parameter).to_doubles() : std::vector<double>();
      const std::size_t inner = i == last ? 1 : values.size() / static_cast<std::size_t>(parameter.dims[0].size);
      for (std::size_t j = 0; j < values.size(); ++j) {
        const std::size_t channel = j / inner % static_cast<std::size_t>(stream.size());
        if (channel != 1 && channel != 4) continue;
        values[j] += 0.25;
        if (!gradient.empty()) CHECK(gradient[j] == 0.0);
      }
      parameter.value.copy_from(make_tensor(cpu(), parameter.shape(), DType::f64, values));
      if (last == 0) break;
    }
  }
  CHECK(touched == 18);
  CHECK(bit_equal(eval_pass(net)[0], before[0]));
}

TEST_CASE("equivalence: the CPU and the kernels agree on a whole net in train and eval mode") {
  const NetDescription d = everything();
  Net on_cpu = make_net(cpu(), d, DType::f64);
  Selection select;
  select.width = 2;
  select.dropped = {1};
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    Net on_gpu = make_net(*gpu.context, d, DType::f32);
    copy_leading(on_cpu, on_gpu);
    Net reference = make_net(cpu(), d, DType::f64);
    copy_leading(on_cpu, reference);
    const StepOutcome expected = train_pass(reference, select), actual = train_pass(on_gpu, select);
    for (std::size_t exit = 0; exit < 3; ++exit) CHECK(difference(actual.logits[exit], expected.logits[exit]).relative <= 1e-4);
    CHECK(difference(actual.buffers, expected.buffers).relative <= 1e-4);
    CHECK(difference(actual.gradients, expected.gradients).relative <= 2e-2);
    CHECK(difference(eval_pass(on_gpu, select)[2], eval_pass(reference, select)[2]).relative <= 1e-4);
    break;  // one order: the table of operations runs every kernel in all three
  }
}

TEST_CASE("net: inputs and selections that do not fit are refused by name") {
  Net net = make_net(cpu(), tiny_resnet(), DType::f32);
  Pass pass{.context = cpu()};
  CHECK_THROWS_WITH_AS(forward(net, pass, Var{Tensor(cpu(), {2, 9, 8, 3})}), doctest::Contains("takes images of 8 x 8"), ShapeError);
  Selection width;
  width.width = 1;
  CHECK_THROWS_AS(eval_pass(net, width), ConfigError);
  Selection statistics;
  statistics.statistics = 2;
  CHECK_THROWS_WITH_AS(eval_pass(net, statistics), doctest::Contains("statistics 2 of 1"), ConfigError);
}

}  // namespace pliant::test
