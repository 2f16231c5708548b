// Whole runs whose steps change on the way, replayed and eager: masks that come and go, parts that are frozen, widths that grow.
#include <doctest/doctest.h>

#include "nets/widths.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_net.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

Splits few_images() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 4, .test = 3, .height = 8, .width = 8, .channels = 3, .classes = 3};
  options.validation = 0;
  return load_data(options);
}

NetDescription shallow(int stages) {
  NetDescription d = tiny_resnet();
  d.exits = {stages};
  d.last_stage = stages;
  return d;
}

TrainConfig short_run() {
  TrainConfig config;
  config.epochs = 5;
  config.batch = 2;
  config.rate = 0.02;
  return config;
}

void compare_runs(const NetDescription& d, const TrainConfig& config) {
  const TemporaryFolder folder;
  const Splits data = few_images();
  Context context(gpu_contexts().front().context->device());
  std::vector<Net> nets;
  std::int64_t replayed = 0;
  for (const StepGraphMode mode : {StepGraphMode::off, StepGraphMode::on}) {
    nets.push_back(make_net(context, d, DType::f32));
    const RunFolder out((folder.path() / (mode == StepGraphMode::on ? "on" : "off")).string(), false);
    Trainer trainer(nets.back(), data, config, out, mode);
    trainer.run({}, [] { return false; });
    replayed = trainer.graphs().counts().replayed;
  }
  CHECK(bit_equal(nets[0].store->values(), nets[1].store->values()));
  CHECK(bit_equal(nets[0].store->buffers(), nets[1].store->buffers()));
  CHECK(replayed > 0);
}

}  // namespace

TEST_CASE("step graphs: runs that change on the way end bit for bit like eager ones") {
  NetDescription d = shallow(1);
  TrainConfig config = short_run();
  SUBCASE("weights are pruned and dense again") {
    config.sparsity = {.fraction = 0.5, .schedule = "gradual", .begin = 1, .end = 3, .dense_at = 4};
  }
  SUBCASE("filters are pruned softly") { config.sparsity.soft_pruning = 0.3; }
  SUBCASE("heads alone, then all with other weights") {
    d.exits = {0, 1};
    config.dynamic.freeze_backbone = 2;
    config.dynamic.anneal_exits = 3;
  }
  SUBCASE("widths grow") {
    const Net plain = build_net(d);
    d.widths = {share_of_axes(plain, 0.5)};
    d.width_ratios = {0.5};
    d.batch_norm_sets = 2;
    config.dynamic.width_training = "incremental";
  }
  compare_runs(d, config);
}

TEST_CASE("step graphs: runs whose blocks are dropped at random end bit for bit like eager ones") {
  NetDescription d = shallow(2);
  d.survival = std::vector<double>(9, 0.5);
  compare_runs(d, short_run());
}

}  // namespace pliant::test
