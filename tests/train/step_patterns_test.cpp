// Stochastic depth replayed: one recording serves every pattern of dropped blocks, and each step ends bit for bit like an eager one.
#include <doctest/doctest.h>

#include "core/memory_ops.h"
#include "nets/widths.h"
#include "tests/train/step_run.h"

namespace pliant::test {

namespace {

// Blocks 0 to 2 of a tiny ResNet, and block 3, whose shortcut halves the image.
NetDescription gated(const std::vector<int>& exits = {4}) {
  NetDescription d = shallow(exits);
  d.survival = std::vector<double>(9, 0.5);
  return d;
}

// Step by step the patterns that a list gives, and the first one again after the last.
class ListedPatterns : public SelectionPolicy {
 public:
  explicit ListedPatterns(std::vector<int> bits) : bits_(std::move(bits)) {}
  std::string name() const override { return "listed"; }
  std::vector<PlannedPass> passes(std::int64_t epoch, std::int64_t batch) const override {
    PlannedPass pass;
    const int bits = bits_[static_cast<std::size_t>(epoch * 8 + batch) % bits_.size()];
    for (int block = 0; block < 4; ++block) {
      if (bits >> block & 1) pass.select.dropped.insert(block);
    }
    return {pass};
  }

 private:
  std::vector<int> bits_;
};

}  // namespace

TEST_CASE("step patterns: every pattern of dropped blocks is replayed bit for bit from one recording") {
  Context context(gpu_contexts().front().context->device());
  const std::vector<int> all = {5, 0, 15, 3, 8, 12, 1, 14, 7, 2, 9, 4, 13, 6, 11, 10};
  StepRun eager(context, gated(), config_for(), {}, 8 * kBatch, DType::f32, std::make_unique<ListedPatterns>(all));
  StepRun replayed(context, gated(), config_for(), kRequired, 8 * kBatch, DType::f32, std::make_unique<ListedPatterns>(all));
  for (std::int64_t epoch = 0; epoch < 2; ++epoch) {
    eager.begin_epoch(epoch);
    replayed.begin_epoch(epoch);
    for (std::int64_t i = 0; i < 8; ++i) {
      CAPTURE(all[static_cast<std::size_t>(8 * epoch + i)]);
      eager.train(epoch, i);
      replayed.train(epoch, i);
      check_equal(eager, replayed);
    }
  }
  CHECK(replayed.graphs.counts().eager == 1);
  CHECK(replayed.graphs.counts().captured == 1);
  CHECK(replayed.graphs.counts().replayed == 15);
  // Two forms of four blocks in two directions; the stem; the head with its gradient; the stem's gradient with the optimizer.
  CHECK(replayed.graphs.graphs() == 19);
}

namespace {

// Six steps of three images, the first one eager.
void compare_drawn(const NetDescription& d, TrainConfig config, DType compute = DType::f32) {
  Context context(gpu_contexts().front().context->device());
  config.epochs = 3;
  config.seed = 11;
  StepRun eager(context, d, config, {}, 2 * kBatch, compute), replayed(context, d, config, kRequired, 2 * kBatch, compute);
  eager.train_all();
  replayed.train_all();
  check_equal(eager, replayed);
  CHECK(eager.step.counts().open_blocks == replayed.step.counts().open_blocks);
  CHECK(replayed.graphs.counts().replayed >= 4);
}

}  // namespace

TEST_CASE("step patterns: drawn patterns are replayed bit for bit in every precision and with Adam") {
  TrainConfig config = config_for();
  SUBCASE("bf16") { compare_drawn(gated({3}), config, DType::bf16); }
  SUBCASE("f16 with a scaled loss") {
    config.optimizer.loss_scale = 1024.0;
    compare_drawn(gated({3}), config, DType::f16);
  }
  SUBCASE("Adam") {
    config.optimizer = {.kind = OptimizerKind::adam, .weight_decay = 1e-3};
    compare_drawn(gated({3}), config);
  }
}

TEST_CASE("step patterns: drawn patterns are replayed bit for bit with exits") {
  TrainConfig config = config_for();
  SUBCASE("before and behind a block") {
    NetDescription d = gated({1, 2});
    d.exit_dropout = 0.3;
    config.dynamic.distill_exits = 0.5;
    compare_drawn(d, config);
  }
  SUBCASE("that teach the trunk nothing") {
    config.dynamic.detach_exits = true;
    compare_drawn(gated({1, 3}), config);
  }
  SUBCASE("that train alone for an epoch") {
    config.dynamic.freeze_backbone = 1;
    config.batch = kBatch;
    NetDescription d = gated({1, 2});
    Context context(gpu_contexts().front().context->device());
    StepRun eager(context, d, config, {}, 4 * kBatch), replayed(context, d, config, kRequired, 4 * kBatch);
    eager.train_all();
    replayed.train_all();
    check_equal(eager, replayed);
    CHECK(replayed.graphs.counts().replayed == 6);
  }
}

TEST_CASE("step patterns: drawn patterns are replayed bit for bit in other nets and passes") {
  TrainConfig config = config_for();
  NetDescription d = gated({2});
  SUBCASE("open branches count more") { d.scale_in_training = true; }
  SUBCASE("batch norm folded away") { d.folded = true; }
  SUBCASE("a frozen stem") { config.freeze = {"conv1", "bn1"}; }
  SUBCASE("two widths a step, one taught by the other") {
    const Net plain = build_net(d);
    d.widths = {share_of_axes(plain, 0.5)};
    d.width_ratios = {0.5};
    d.batch_norm_sets = 2;
    config.dynamic.width_training = "all";
    config.dynamic.inplace_distillation = true;
  }
  compare_drawn(d, config);
}

TEST_CASE("step patterns: drawn patterns are replayed bit for bit in a net that normalises first") {
  NetDescription d = tiny_resnet();
  d.name = "preresnet20";
  d.axis_sizes.clear();
  const Net plain = build_net(d);
  for (const auto& axis : plain.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = std::max<std::int64_t>(2, axis->size() / 16);
  }
  d.survival = std::vector<double>(6, 0.5);
  compare_drawn(d, config_for());
}

TEST_CASE("step patterns: blocks are gated where the net can lose them and nothing else is dropped") {
  NetDescription d = gated();
  d.survival[1] = 1.0;
  const auto plan_of = [&](int bits) {
    Net net = make_net(cpu(), d, DType::f32);
    const TrainConfig config = config_for();
    TrainStep step(net, config, std::make_unique<ListedPatterns>(std::vector<int>{bits}));
    step.begin_epoch(0, 0);
    return step.plan(0, 0, kBatch);
  };
  CHECK(plan_of(0).gated == IndexSet{0, 2, 3});
  CHECK(plan_of(13).gated == IndexSet{0, 2, 3});
  CHECK(plan_of(2).gated.empty());
  CHECK(plan_of(3).gated.empty());
  d.gate_per_sample = true;
  CHECK(plan_of(0).gated.empty());
  d.gate_per_sample = false;
  d.survival.clear();
  CHECK(plan_of(1).gated.empty());
}

TEST_CASE("step patterns: a replay asks for no memory whatever the pattern") {
  Context context(gpu_contexts().front().context->device());
  StepRun run(context, gated({2}), config_for(1), kRequired, 8 * kBatch, DType::f32,
              std::make_unique<ListedPatterns>(std::vector<int>{3, 3, 0, 1, 2, 3, 0, 1}));
  run.begin_epoch(0);
  for (std::int64_t i = 0; i < 2; ++i) run.train(0, i);
  const std::int64_t requests = context.pool().counters().driver_allocations, recorded = run.graphs.pool().counters().driver_allocations;
  for (std::int64_t i = 2; i < 8; ++i) run.train(0, i);
  CHECK(run.graphs.counts().replayed == 7);
  CHECK(run.graphs.graphs() == 11);
  CHECK(run.graphs.pool().counters().live_bytes == 0);
  CHECK(run.graphs.pool().counters().driver_allocations == recorded);
  CHECK(context.pool().counters().driver_allocations == requests);
}

TEST_CASE("step patterns: a step that cannot be recorded in both states stays eager and nothing of the attempt is left") {
  Context context(gpu_contexts().front().context->device());
  Tensor sum = Tensor::zeros(context, {4}), one(context, {4});
  kernels::fill(one, 1.0);
  int fault = 0;
  SUBCASE("it reads back") { fault = 1; }
  SUBCASE("there is no memory for both") { fault = 2; }
  SUBCASE("a block lies within another") { fault = 3; }
  SUBCASE("there is no memory to keep what it changes") { fault = 4; }
  for (const bool required : {false, true}) {
    sum.zero();
    StepGraphs graphs(context, {.active = true, .required = required});
    const auto run = [&](bool drop) {
      StepPlan plan{.passes = std::vector<PlannedPass>(1), .gated = {0, 1}, .state = {}};
      if (drop) plan.passes.front().select.dropped.insert(0);
      const auto step = [&](BlockStates* states) {
        kernels::accumulate(one, sum);
        if (!states) return;
        states->begin(0, true);
        if (fault == 3) states->begin(1, true);
        kernels::accumulate(one, sum);
        states->begin(0, false);
        states->end();
        if (fault == 1 && gpu::is_capturing(context.stream())) sum.to_doubles();
        if (fault == 2) throw MemoryError("no memory for both");
      };
      graphs.run(plan, step, [&] {
        if (fault == 4) throw MemoryError("no memory for copies");
        return std::vector<Tensor>{sum};
      });
    };
    run(false);
    StepPlan gated;
    gated.gated.insert(0);
    CHECK_THROWS_WITH_AS(graphs.run(gated, [](BlockStates*) {}), doctest::Contains("needs to say what it changes"), ConfigError);
    if (required) {
      CHECK_THROWS_AS(run(true), Error);
    } else {
      for (int i = 0; i < 3; ++i) run(i == 1);
      CHECK(graphs.counts().eager == 4);
      CHECK(sum.to_doubles()[0] == 4.0);
    }
    CHECK(graphs.graphs() == 0);
    CHECK_FALSE(gpu::is_capturing(context.stream()));
  }
}

}  // namespace pliant::test
