// Steps that are replayed compute what eager ones compute, bit for bit, without a request for memory and without the host.
#include "train/step_graphs.h"

#include <doctest/doctest.h>

#include "core/memory_ops.h"
#include "core/rng.h"
#include "nets/widths.h"
#include "tests/train/step_run.h"

namespace pliant::test {

TEST_CASE("step graphs: replayed steps equal eager ones bit for bit") {
  Context context(gpu_contexts().front().context->device());
  NetDescription d = shallow({1});
  TrainConfig config = config_for();
  std::int64_t images = 8;  // two batches of 3 and one of 2: two plans
  DType compute = DType::f32;
  SUBCASE("bf16") { compute = DType::bf16; }
  SUBCASE("f16 with a scaled loss") {
    compute = DType::f16;
    config.optimizer.loss_scale = 1024.0;
  }
  SUBCASE("plain, SGD") { config.smoothing = 0.1; }
  SUBCASE("Adam") { config.optimizer = {.kind = OptimizerKind::adam, .weight_decay = 1e-3}; }
  SUBCASE("two exits, dropout, gradients logged") {
    d = shallow({1, 2});
    d.exit_dropout = 0.3;
    config.dynamic.distill_exits = 0.5;
    config.dynamic.log_gradients = true;
  }
  StepRun eager(context, d, config, {}, images, compute), replayed(context, d, config, kRequired, images, compute);
  eager.train_all();
  replayed.train_all();
  check_equal(eager, replayed);
  CHECK(eager.graphs.counts().eager == 6);
  CHECK(eager.graphs.graphs() == 0);
  CHECK(replayed.graphs.counts().eager == 4);  // two of each plan
  CHECK(replayed.graphs.counts().captured == 1);
  CHECK(replayed.graphs.counts().replayed == 2);
}

TEST_CASE("step graphs: the sandwich rule has a graph per set of widths and replays it") {
  Context context(gpu_contexts().front().context->device());
  NetDescription d = shallow({1});
  const Net plain = build_net(d);
  d.widths = {share_of_axes(plain, 0.75), share_of_axes(plain, 0.5)};
  d.width_ratios = {0.75, 0.5};
  d.batch_norm_sets = 3;
  TrainConfig config = config_for(1);
  config.dynamic.width_training = "sandwich";
  config.dynamic.sandwich = 3;
  config.dynamic.inplace_distillation = true;
  StepRun eager(context, d, config, {}, 4 * kBatch), replayed(context, d, config, kRequired, 4 * kBatch);
  eager.train_all();
  replayed.train_all();
  check_equal(eager, replayed);
  CHECK(replayed.graphs.graphs() == 1);
  CHECK(replayed.graphs.counts().replayed == 2);
}

TEST_CASE("step graphs: a replay asks for no memory and its pool is as it was") {
  Context context(gpu_contexts().front().context->device());
  StepRun run(context, shallow({1}), config_for(1), kRequired, 6 * kBatch);
  run.begin_epoch(0);
  for (std::int64_t i = 0; i < 3; ++i) run.train(0, i);
  CHECK(run.graphs.counts().captured == 1);
  const MemoryPool::Counters before = run.graphs.pool().counters();
  const std::int64_t requests = context.pool().counters().driver_allocations;
  for (std::int64_t i = 3; i < 6; ++i) run.train(0, i);
  CHECK(run.graphs.counts().replayed == 4);
  CHECK(run.graphs.pool().counters().driver_allocations == before.driver_allocations);
  CHECK(run.graphs.pool().counters().live_bytes == 0);
  CHECK(context.pool().counters().driver_allocations == requests);
}

TEST_CASE("step graphs: what changes the launches changes the plan and nothing else does") {
  NetDescription d = tiny_resnet();
  d.exits = {3, 6};
  Net net = make_net(cpu(), d, DType::f32);
  TrainConfig config = config_for(4);
  config.dynamic.freeze_backbone = 1;
  config.dynamic.anneal_exits = 4;
  TrainStep step(net, config);
  step.begin_epoch(0, 0);
  const StepPlan frozen = step.plan(0, 0, 8);
  CHECK(step.plan(0, 1, 8) == frozen);
  CHECK_FALSE(step.plan(0, 1, 7) == frozen);
  step.begin_epoch(1, 0);
  const StepPlan plan = step.plan(1, 0, 8);
  CHECK_FALSE(plan == frozen);
  CHECK(plan.trunk == Trunk::joined);
  const auto changes = [&](const std::function<void()>& change) {
    const StepPlan before = step.plan(1, 0, 8);
    change();
    return !(step.plan(1, 0, 8) == before);
  };
  CHECK(changes([&] { net.store->parameters().front().frozen = true; }));
  CHECK(changes([&] { net.store->axes().front()->mask = Tensor::zeros(cpu(), {net.store->axes().front()->size()}); }));
  CHECK(changes([&] {
    Parameter& filter = net.store->parameters().front();
    filter.mask = Tensor::zeros(cpu(), filter.shape());
    step.optimizer().refresh_rules();
  }));
  CHECK_FALSE(changes([&] { step.optimizer().set_steps(7); }));
  CHECK(changes([&] { step.begin_epoch(2, 0); }));  // other weights of the exits
}

TEST_CASE("step graphs: more plans than the limit drop the one that was used longest ago") {
  Context context(gpu_contexts().front().context->device());
  StepGraphs graphs(context, {.active = true, .required = true, .limit = 2});
  Tensor sum = Tensor::zeros(context, {4});
  const auto run = [&](std::int64_t n, int times) {
    for (int i = 0; i < times; ++i) {
      graphs.run({.samples = n, .state = {}}, [&](BlockStates*) {
        Tensor x(context, {4});
        kernels::fill(x, static_cast<double>(n));
        kernels::accumulate(x, sum);
      });
    }
  };
  run(1, 4);
  run(10, 4);
  CHECK(graphs.graphs() == 2);
  CHECK(graphs.counts().replayed == 4);
  run(1, 1);
  CHECK(graphs.counts().replayed == 5);
  run(100, 3);  // 10 goes
  CHECK(graphs.graphs() == 2);
  run(1, 1);
  CHECK(graphs.counts().replayed == 7);
  run(10, 1);
  CHECK(graphs.counts().replayed == 7);
  CHECK(graphs.graphs() == 1);  // 100 went
  CHECK(sum.to_doubles()[0] == 6 * 1.0 + 5 * 10.0 + 3 * 100.0);
}

TEST_CASE("step graphs: a step that reads back is refused or stays eager with the same result") {
  for (const bool required : {true, false}) {
    Context context(gpu_contexts().front().context->device());
    StepGraphs graphs(context, {.active = true, .required = required});
    Tensor sum = Tensor::zeros(context, {4}), one = Tensor::zeros(context, {4});
    kernels::fill(one, 1.0);
    const auto step = [&](BlockStates*) {
      kernels::accumulate(one, sum);
      sum.to_doubles();
    };
    graphs.run({}, step);
    graphs.run({}, step);
    if (required) {
      CHECK_THROWS_WITH_AS(graphs.run({}, step), doctest::Contains("could not be captured"), DeviceError);
      CHECK(sum.to_doubles()[0] == 2.0);
    }
    if (!required) {
      graphs.run({}, step);
      graphs.run({}, step);
      CHECK(sum.to_doubles()[0] == 4.0);
      CHECK(graphs.counts().eager == 4);
    }
    CHECK_FALSE(gpu::is_capturing(context.stream()));
    kernels::accumulate(one, sum);
    CHECK(sum.to_doubles()[0] == (required ? 3.0 : 5.0));
  }
}

TEST_CASE("step graphs: memory that outlives a step keeps its plan eager") {
  Context context(gpu_contexts().front().context->device());
  StepGraphs graphs(context, {.active = true});
  Tensor kept;
  for (int i = 0; i < 4; ++i) {
    graphs.run({}, [&](BlockStates*) {
      kept = Tensor(context, {4});
      kernels::fill(kept, i);
    });
  }
  CHECK(graphs.counts().eager == 4);
  CHECK(kept.to_doubles()[0] == 3.0);
}

TEST_CASE("step graphs: modes say where steps are replayed") {
  CHECK(parse_step_graphs("auto") == StepGraphMode::automatic);
  CHECK_THROWS_AS(parse_step_graphs("yes"), UsageError);
  CHECK_FALSE(step_graph_options(cpu(), StepGraphMode::automatic).active);
  CHECK_THROWS_WITH_AS(step_graph_options(cpu(), StepGraphMode::on), doctest::Contains("the cpu records no graphs"), ConfigError);
  const Device device = gpu_contexts().front().context->device();
  Context context(device), traced(device, {.trace = true});
  CHECK(step_graph_options(context, StepGraphMode::on).required);
  CHECK(step_graph_options(context, StepGraphMode::automatic).active == (device == Device::cuda));
  CHECK_FALSE(step_graph_options(context, StepGraphMode::off).active);
  CHECK_THROWS_WITH_AS(step_graph_options(traced, StepGraphMode::on), doctest::Contains("traced"), ConfigError);
  CHECK_FALSE(step_graph_options(traced, StepGraphMode::automatic).active);
}

}  // namespace pliant::test
