// A training step of a net whose structure changes: which gradients it adds up, and what it leaves alone.
#include "train/train_step.h"

#include <doctest/doctest.h>

#include <numeric>

#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/tiny_net.h"
#include "train/exit_losses.h"

namespace pliant::test {

namespace {

// Two further widths with private sets and two further exits.
NetDescription dynamic_net() {
  NetDescription d = tiny_resnet();
  const Net plain = build_net(d);
  d.widths = {share_of_axes(plain, 0.75), share_of_axes(plain, 0.5)};
  d.width_ratios = {0.75, 0.5};
  d.batch_norm_sets = 3;
  d.exits = {3, 6};
  return d;
}

Batch batch_for(const Net& net, unsigned seed = 3, std::int64_t n = 6) {
  const NetDescription& d = net.description;
  Context& context = net.store->context();
  std::vector<std::int32_t> labels, samples(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) labels.push_back(static_cast<std::int32_t>(i % d.classes));
  std::iota(samples.begin(), samples.end(), 0);
  return {random_tensor(context, {n, d.height, d.width, d.channels}, net.store->dtype(), seed), Tensor::from_host(context, {n}, labels),
          Tensor::from_host(context, {n}, samples)};
}

TrainConfig quiet_config() {
  TrainConfig config;
  config.epochs = 6;
  config.optimizer = {.momentum = 0.0, .weight_decay = 0.0};
  return config;
}

// One step at the given rate; the gradients stay in the arena.
double step(Net& net, const TrainConfig& config, double rate, std::int64_t epoch = 0, unsigned seed = 3) {
  TrainStep train(net, config);
  train.begin_epoch(epoch, 0);
  Tensor loss = Tensor::zeros(cpu(), {1}, net.store->dtype()), correct = Tensor::zeros(cpu(), {1}, DType::i32);
  train.run(batch_for(net, seed), random_key(cpu(), 1, 0), epoch, 0, rate, loss, correct);
  return loss.to_doubles()[0];
}

// The gradient of sum over exits of weight times the loss of one exit, for one selection; added to the arena.
void add_gradient(Net& net, const Selection& select, const std::vector<double>& weights, const std::vector<Tensor>& teacher = {}) {
  const Batch batch = batch_for(net);
  Tape tape;
  Pass pass{.context = cpu(), .tape = &tape, .mode = Mode::train, .select = select};
  std::vector<Tape::Root> roots;
  const std::vector<Var> logits = forward(net, pass, Var{batch.images});
  for (std::size_t exit = 0; exit < logits.size(); ++exit) {
    const Targets targets = teacher.empty() ? Targets{.labels = batch.labels} : Targets{.distributions = teacher[exit]};
    roots.push_back({scale(cross_entropy(logits[exit], targets), weights[exit]), {}});
  }
  tape.backward(roots);
}

Tensor gradient_of(const Net& net, const Parameter& parameter) { return net.store->gradients().view(parameter.offset, parameter.shape()); }

bool is_zero(const Tensor& tensor) {
  for (const double value : tensor.to_doubles()) {
    if (value != 0.0) return false;
  }
  return true;
}

bool in_head(const Parameter& parameter) { return parameter.name.starts_with("exit") || parameter.name.starts_with("fc."); }

}  // namespace

TEST_CASE("train step: a joint step is the sum of its widths and exits and gates") {
  NetDescription d = dynamic_net();
  d.survival = linear_survival(9, 0.5);
  Net net = make_net(cpu(), d, DType::f64), alone = make_net(cpu(), d, DType::f64);
  TrainConfig config = quiet_config();
  config.dynamic.exit_weights = "1,0.5,0.25";
  const IndexSet dropped = DynamicPolicy(net, config.dynamic, config.seed, config.epochs).passes(0, 0)[0].select.dropped;
  CHECK_FALSE(dropped.empty());
  step(net, config, 0.0);
  alone.store->gradients().zero();
  for (int width = 0; width < 3; ++width) {
    for (int exit = 0; exit < 3; ++exit) {
      Selection one = only_exit(alone, exit);
      one.width = width;
      one.dropped = dropped;
      add_gradient(alone, one, {std::vector<double>{1.0, 0.5, 0.25}[static_cast<std::size_t>(exit)]});
    }
  }
  CHECK(difference(net.store->gradients(), alone.store->gradients()).relative <= 1e-12);
}

TEST_CASE("train step: in-place distillation teaches narrower widths the widest one's softmax as a constant") {
  Net net = make_net(cpu(), dynamic_net(), DType::f64), alone = make_net(cpu(), dynamic_net(), DType::f64);
  TrainConfig config = quiet_config();
  config.dynamic.inplace_distillation = true;
  step(net, config, 0.0);
  alone.store->gradients().zero();
  Pass pass{.context = cpu(), .mode = Mode::train};
  const std::vector<Tensor> teacher = soft_targets(forward(alone, pass, Var{batch_for(alone).images}));
  add_gradient(alone, {}, {1.0, 1.0, 1.0});
  for (int width = 1; width < 3; ++width) add_gradient(alone, {.width = width}, {1.0, 1.0, 1.0}, teacher);
  CHECK(difference(net.store->gradients(), alone.store->gradients()).relative <= 1e-12);
}

TEST_CASE("train step: distilled exits learn from the last one and the share 0 and 1 are the plain cases") {
  NetDescription d = tiny_resnet();
  d.exits = {3, 6};
  Net net = make_net(cpu(), d, DType::f64), alone = make_net(cpu(), d, DType::f64);
  TrainConfig config = quiet_config();
  config.dynamic.distill_exits = 1.0;
  step(net, config, 0.0);
  alone.store->gradients().zero();
  Pass pass{.context = cpu(), .mode = Mode::train};
  const Tensor last = soft_targets(forward(alone, pass, Var{batch_for(alone).images})).back();
  for (int exit = 0; exit < 3; ++exit) {
    add_gradient(alone, only_exit(alone, exit), {1.0}, exit < 2 ? std::vector<Tensor>{last} : std::vector<Tensor>());
  }
  CHECK(difference(net.store->gradients(), alone.store->gradients()).relative <= 1e-12);
}

TEST_CASE("train step: losses per class are a tenth for ten classes") {
  NetDescription d = tiny_resnet();
  d.classes = 10;
  d.exits = {3};
  Net net = make_net(cpu(), d, DType::f64), scaled = make_net(cpu(), d, DType::f64);
  TrainConfig config = quiet_config();
  const double loss = step(net, config, 0.0);
  config.dynamic.loss_per_class = true;
  CHECK(step(scaled, config, 0.0) == doctest::Approx(loss / 10.0).epsilon(1e-12));
  Tensor ten_times = Tensor::like(scaled.store->gradients());
  kernels::scale(scaled.store->gradients(), 10.0, ten_times);
  CHECK(difference(ten_times, net.store->gradients()).relative <= 1e-12);
}

TEST_CASE("train step: an exit of weight 0 has no part and the last exit alone is plain training") {
  NetDescription plain = tiny_resnet(), exits = plain;
  exits.exits = {3, 6};
  Net net = make_net(cpu(), exits, DType::f64), trunk = make_net(cpu(), plain, DType::f64);
  copy_leading(net, trunk);
  TrainConfig config = quiet_config();
  config.dynamic.exit_weights = "0,0,1";
  step(net, config, 0.0);
  config.dynamic.exit_weights = "equal";
  step(trunk, config, 0.0);
  for (const Parameter& parameter : trunk.store->parameters()) {
    if (!parameter.trainable()) continue;
    CAPTURE(parameter.name);
    CHECK(bit_equal(gradient_of(net, *net.store->find(parameter.name)), gradient_of(trunk, parameter)));
  }
  config.dynamic.exit_weights = "1,0,0";
  step(net, config, 0.0);
  for (const Parameter& parameter : net.store->parameters()) {
    if (!parameter.trainable()) continue;
    CAPTURE(parameter.name);
    const bool later = parameter.name.starts_with("layer2") || parameter.name.starts_with("layer3") || parameter.name.starts_with("fc") ||
                       parameter.name.starts_with("exit1");
    CHECK(is_zero(gradient_of(net, parameter)) == later);
  }
}

TEST_CASE("train step: a detached trunk learns from the last exit alone while the heads learn") {
  NetDescription d = tiny_resnet();
  d.exits = {3, 6};
  Net net = make_net(cpu(), d, DType::f64), last = make_net(cpu(), d, DType::f64);
  TrainConfig config = quiet_config();
  config.dynamic.detach_exits = true;
  step(net, config, 0.0);
  last.store->gradients().zero();
  add_gradient(last, only_exit(last, 2), {1.0});
  for (const Parameter& parameter : net.store->parameters()) {
    if (!parameter.trainable()) continue;
    CAPTURE(parameter.name);
    if (parameter.name.starts_with("exit")) {
      CHECK_FALSE(is_zero(gradient_of(net, parameter)));
    } else {
      CHECK(difference(gradient_of(net, parameter), gradient_of(last, *last.store->find(parameter.name))).relative <= 1e-12);
    }
  }
}

TEST_CASE("train step: a frozen backbone keeps its values and statistics until it is released") {
  NetDescription d = tiny_resnet();
  d.exits = {3, 6};
  d.exit_dropout = 0.2;
  Net net = make_net(cpu(), d, DType::f32);
  TrainConfig config = quiet_config();
  config.optimizer = {.momentum = 0.9, .weight_decay = 0.1};
  config.dynamic.freeze_backbone = 1;
  for (const std::int64_t epoch : {0, 1}) {
    const Tensor values = net.store->values().clone(), buffers = net.store->buffers().clone();
    step(net, config, 0.1, epoch);
    for (const Parameter& parameter : net.store->parameters()) {
      CAPTURE(parameter.name);
      const Tensor& before = parameter.trainable() ? values : buffers;
      CHECK(bit_equal(before.view(parameter.offset, parameter.shape()), parameter.value) == (epoch == 0 && !in_head(parameter)));
    }
  }
}

TEST_CASE("train step: growing a net keeps the narrower net bit for bit and trains what it adds") {
  NetDescription d = dynamic_net();
  Net net = make_net(cpu(), d, DType::f32);
  TrainConfig config = quiet_config();
  config.optimizer = {.momentum = 0.9, .weight_decay = 0.01};
  config.dynamic.width_training = "incremental";
  TrainStep train(net, config);
  Tensor loss = Tensor::zeros(cpu(), {1}, DType::f32), correct = Tensor::zeros(cpu(), {1}, DType::i32);
  std::vector<std::vector<Tensor>> logits(3);
  for (std::int64_t epoch = 0; epoch < 6; ++epoch) {
    train.begin_epoch(epoch, 0);
    const int grown = 2 - static_cast<int>(epoch / 2);
    std::vector<Tensor> before;
    for (int width = 0; width < 3; ++width) before.push_back(eval_pass(net, {.width = width}).back().clone());
    for (std::int64_t batch = 0; batch < 3; ++batch) {
      train.run(batch_for(net, 11 + static_cast<unsigned>(batch)), random_key(cpu(), 1, 0), epoch, batch, 0.05, loss, correct);
    }
    for (int width = 0; width < 3; ++width) {
      CAPTURE(epoch);
      CAPTURE(width);
      const bool same = bit_equal(eval_pass(net, {.width = width}).back(), before[static_cast<std::size_t>(width)]);
      CHECK(same == (width > grown));
    }
  }
}

TEST_CASE("train step: every exit and every width learns") {
  Net net = make_net(cpu(), dynamic_net(), DType::f32);
  TrainConfig config = quiet_config();
  config.optimizer.momentum = 0.9;
  const Batch batch = batch_for(net);
  const auto losses = [&] {
    std::vector<double> all;
    for (int width = 0; width < 3; ++width) {
      Pass pass{.context = cpu(), .mode = Mode::train, .select = {.width = width}, .statistics_momentum = 0.0};
      for (const Var& logits : forward(net, pass, Var{batch.images})) {
        all.push_back(cross_entropy(logits, {.labels = batch.labels}).value.to_doubles()[0]);
      }
    }
    return all;
  };
  const std::vector<double> before = losses();
  TrainStep train(net, config);
  train.begin_epoch(0, 0);
  Tensor loss = Tensor::zeros(cpu(), {1}, DType::f32), correct = Tensor::zeros(cpu(), {1}, DType::i32);
  for (std::int64_t i = 0; i < 25; ++i) train.run(batch, random_key(cpu(), 1, 0), 0, i, 0.02, loss, correct);
  const std::vector<double> after = losses();
  REQUIRE(after.size() == 9);
  for (std::size_t i = 0; i < after.size(); ++i) CHECK(after[i] < 0.8 * before[i]);
}

TEST_CASE("train step: a pass that only measures time leaves no trace") {
  NetDescription d = tiny_resnet();
  d.survival = linear_survival(9, 0.5);
  Net net = make_net(cpu(), d, DType::f32);
  TrainStep train(net, quiet_config());
  train.begin_epoch(0, 0);
  const Tensor values = net.store->values().clone(), buffers = net.store->buffers().clone();
  CHECK(train.open_step_seconds(batch_for(net), random_key(cpu(), 1, 0), 3) > 0.0);
  CHECK(bit_equal(values, net.store->values()));
  CHECK(bit_equal(buffers, net.store->buffers()));
  CHECK(is_zero(net.store->gradients()));
  CHECK(train.counts().steps == 0);
}

TEST_CASE("train step: open blocks and gradients are counted") {
  NetDescription d = tiny_resnet();
  d.survival = uniform_survival(9, 0.5);
  Net net = make_net(cpu(), d, DType::f64);
  TrainConfig config = quiet_config();
  TrainStep train(net, config);
  train.begin_epoch(0, 0);
  train.set_counts({});
  Tensor loss = Tensor::zeros(cpu(), {1}, DType::f64), correct = Tensor::zeros(cpu(), {1}, DType::i32);
  const DynamicPolicy policy(net, config.dynamic, config.seed, config.epochs);
  std::int64_t open = 0;
  double magnitude = 0.0;
  const Parameter& first = *net.store->find("conv1.weight");
  for (std::int64_t i = 0; i < 4; ++i) {
    train.run(batch_for(net), random_key(cpu(), 1, 0), 0, i, 0.01, loss, correct);
    open += 9 - policy.passes(0, i)[0].select.dropped.count();
    for (const double value : gradient_of(net, first).to_doubles()) magnitude += std::abs(value);
  }
  REQUIRE(train.gradients());
  CHECK(train.gradients()->layers().front() == "conv1");
  CHECK(train.counts().open_blocks == open);
  CHECK(train.gradients()->means(4).front() == doctest::Approx(magnitude / 4.0 / static_cast<double>(first.shape().size())).epsilon(1e-10));
  const StepCounts counts = train.counts();
  train.set_counts({});
  CHECK(train.gradients()->means(4).front() == 0.0);
  train.set_counts(counts);
  CHECK(train.counts().gradient_sums == counts.gradient_sums);
}

}  // namespace pliant::test
