#include "train/trainer.h"

#include <doctest/doctest.h>

#include <cmath>
#include <filesystem>

#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "train/checkpoint.h"
#include "train/data/synthetic.h"

namespace pliant::test {

namespace {

Splits small_data() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 120, .test = 40, .height = 16, .width = 16, .channels = 3, .classes = 7};
  options.validation = 24;
  return load_data(options);
}

NetDescription small_net() {
  NetDescription d = default_description("lenet5");
  d.height = d.width = 16;
  d.channels = 3;
  d.classes = 7;
  return d;
}

TrainConfig small_config() {
  TrainConfig config;
  config.epochs = 3;
  config.batch = 20;
  config.rate = 0.05;
  config.augmentation = {.pad = 2, .flip = true};
  config.optimizer.momentum = 0.9;
  return config;
}

Net fresh_net(Context& context = cpu()) {
  Net net = build_net(small_net());
  net.store->allocate(context, DType::f32);
  initialise(net, 1);
  return net;
}

struct Run {
  Net net = fresh_net();
  TrainResult result;
};

Run uninterrupted(const TrainConfig& config, const Splits& data, const std::string& folder) {
  Run run;
  const RunFolder out(folder, false);
  run.result = Trainer(run.net, data, config, out).run({}, [] { return false; });
  return run;
}

}  // namespace

TEST_CASE("trainer: a run interrupted at any step and resumed ends bit for bit like an uninterrupted one") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config();
  config.log_test = true;
  SUBCASE("sgd") {}
  SUBCASE("adam") {
    config.optimizer.kind = OptimizerKind::adam;
    config.rate = 0.002;
  }
  const Run whole = uninterrupted(config, data, (folder.path() / "whole").string());
  CHECK_FALSE(whole.result.interrupted);
  for (const int stop_after : {0, 1, 4, 5, 7, 14}) {  // of 15 steps, five an epoch
    CAPTURE(stop_after);
    const std::string path = (folder.path() / cat("cut", stop_after)).string();
    {
      Net net = fresh_net();
      const RunFolder out(path, false);
      int asked = 0;
      const TrainResult cut = Trainer(net, data, config, out).run({}, [&] { return asked++ >= stop_after; });
      REQUIRE(cut.interrupted);
    }
    LoadedNet loaded = load_checkpoint(cpu(), path + "/last.safetensors");
    const RunFolder out(path, true);
    Trainer trainer(loaded.net, data, config, out);
    trainer.restore(loaded.info.trainer_state, loaded.arenas);
    const TrainResult result = trainer.run({}, [] { return false; });
    CHECK(bit_equal(loaded.net.store->values(), whole.net.store->values()));
    CHECK(bit_equal(loaded.net.store->buffers(), whole.net.store->buffers()));
    CHECK(result.best_epoch == whole.result.best_epoch);
    CHECK(result.validation_accuracy == whole.result.validation_accuracy);
    CHECK(result.test_accuracy == whole.result.test_accuracy);
    CHECK(result.test_top5 == whole.result.test_top5);
    MetricsColumns columns;
    std::vector<MetricsRow> rows = read_metrics(path + "/metrics.csv", columns);
    std::vector<MetricsRow> expected = read_metrics((folder.path() / "whole" / "metrics.csv").string(), columns);
    for (auto* list : {&rows, &expected}) {
      for (MetricsRow& row : *list) row.seconds = row.images_per_second = 0.0;
    }
    CHECK(rows == expected);
  }
}

TEST_CASE("trainer: the loss falls and the best epoch is the one with the highest validation accuracy") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config();
  config.epochs = 6;
  const Run run = uninterrupted(config, data, (folder.path() / "run").string());
  MetricsColumns columns;
  const std::vector<MetricsRow> rows = read_metrics((folder.path() / "run" / "metrics.csv").string(), columns);
  REQUIRE(rows.size() == 6);
  CHECK(columns == MetricsColumns{.top5 = true});
  CHECK(rows.back().train_loss < rows.front().train_loss);
  double best = -1.0;
  std::int64_t epoch = 0;
  for (const MetricsRow& row : rows) {
    if (*row.validation_accuracy > best) best = *row.validation_accuracy, epoch = row.epoch;
    CHECK(*row.train_top5 >= row.train_accuracy);
    CHECK(*row.validation_top5 >= *row.validation_accuracy);
  }
  CHECK(run.result.best_epoch == epoch);
  CHECK(*run.result.validation_accuracy == best);
  const LoadedNet saved = load_checkpoint(cpu(), run.result.checkpoint);
  const DeviceData test = to_device(cpu(), data.test, data.normalisation);
  CHECK(evaluate(saved.net, test, 7).last().accuracy == doctest::Approx(*run.result.test_accuracy));
  CHECK(evaluate(saved.net, test, 7).last().top5 == run.result.test_top5);
}

TEST_CASE("trainer: the result does not depend on how many threads compute it elsewhere than in oneDNN") {
  const Splits data = small_data();
  const DeviceData train = to_device(cpu(), data.train, data.normalisation);
  Context one(Device::cpu, {.threads = 1});
  const DeviceData again = to_device(one, data.train, data.normalisation);
  const std::vector<std::int32_t> ids = {5, 0, 77, 13};
  const Augmentation augmentation{.pad = 2, .flip = true, .cutout = 3};
  const Batch a = make_batch(train, Tensor::from_host(cpu(), {4}, ids), random_key(cpu(), 3, 2), augmentation, DType::f32);
  const Batch b = make_batch(again, Tensor::from_host(one, {4}, ids), random_key(one, 3, 2), augmentation, DType::f32);
  CHECK(bit_equal(a.images, b.images));
  CHECK(bit_equal(a.labels, b.labels));
}

TEST_CASE("trainer: a loss that is not finite stops the run and keeps the last good checkpoint") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config();
  config.rate = 1e18;
  config.schedule = parse_schedule("constant");
  Net net = fresh_net();
  const std::string path = (folder.path() / "run").string();
  const RunFolder out(path, false);
  Trainer trainer(net, data, config, out);
  CHECK_THROWS_WITH_AS(trainer.run({}, [] { return false; }), doctest::Contains("last good checkpoint"), Error);
  const LoadedNet kept = load_checkpoint(cpu(), path + "/last.safetensors");
  for (const double value : kept.net.store->values().to_doubles()) REQUIRE(std::isfinite(value));
}

TEST_CASE("trainer: frozen parameters keep their bits and everything else moves") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config();
  config.epochs = 1;
  config.freeze = {"conv1", "fc1.bias"};
  const Run run = uninterrupted(config, data, (folder.path() / "run").string());
  const Net before = fresh_net();
  for (const Parameter& parameter : run.net.store->parameters()) {
    CAPTURE(parameter.name);
    const bool frozen = parameter.name.starts_with("conv1") || parameter.name == "fc1.bias";
    CHECK(bit_equal(parameter.value, before.store->find(parameter.name)->value) == frozen);
  }
  config.freeze = {"conv9"};
  Net net = fresh_net();
  const RunFolder out((folder.path() / "other").string(), false);
  CHECK_THROWS_WITH_AS(Trainer(net, data, config, out), doctest::Contains("conv9"), ConfigError);
}

TEST_CASE("trainer: an L1 penalty shrinks the weights and early stopping ends the run") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config();
  config.optimizer.weight_decay = 0.0;
  const auto magnitude = [](const Net& net) {
    double sum = 0.0;
    for (const double value : net.store->find("fc1.weight")->value.to_doubles()) sum += std::abs(value);
    return sum;
  };
  const double plain = magnitude(uninterrupted(config, data, (folder.path() / "plain").string()).net);
  config.optimizer.l1 = 1e-3;
  CHECK(magnitude(uninterrupted(config, data, (folder.path() / "sparse").string()).net) < plain);
  config.epochs = 50;
  config.patience = 1;
  config.rate = 1e-12;  // nothing improves after the first epoch
  uninterrupted(config, data, (folder.path() / "stopped").string());
  MetricsColumns columns;
  CHECK(read_metrics((folder.path() / "stopped" / "metrics.csv").string(), columns).size() == 2);
}

TEST_CASE("trainer: a step allocates nothing once the pool is warm") {
  Context context(Device::cpu);
  if (!context.pool().caches()) {
    MESSAGE("the pool passes every request through in this build");
    return;
  }
  const TemporaryFolder folder;
  const Splits data = small_data();
  TrainConfig config = small_config();
  config.augmentation = {};
  Net net = fresh_net(context);
  const RunFolder out((folder.path() / "run").string(), false);
  std::vector<std::int64_t> allocations;
  Trainer trainer(net, data, config, out);
  trainer.run({}, [&] {
    allocations.push_back(context.pool().counters().driver_allocations);
    return false;
  });
  // Steps 3 and 4 of the first epoch: the sizes repeat from the second step on.
  REQUIRE(allocations.size() > 4);
  CHECK(allocations[4] == allocations[2]);
}

TEST_CASE("trainer: configurations that do not fit are refused") {
  const TemporaryFolder folder;
  const Splits data = small_data();
  Net net = fresh_net();
  const RunFolder out((folder.path() / "run").string(), false);
  TrainConfig config = small_config();
  config.dynamic.exit_weights = "1,0.5";
  CHECK_THROWS_WITH_AS(Trainer(net, data, config, out), doctest::Contains("2 for a net with 1 exits"), ConfigError);
  config = small_config();
  config.batch = 0;
  CHECK_THROWS_AS(Trainer(net, data, config, out), ConfigError);
  config = small_config();
  config.optimizer = {.momentum = 0.0, .nesterov = true};
  CHECK_THROWS_AS(Trainer(net, data, config, out), ConfigError);
}

TEST_CASE("config: its record and back is the identity and differing fields are named") {
  TrainConfig config = recipe("resnet20");
  config.schedule = parse_schedule("multi-step:milestones=10,20,gamma=0.2,warmup=3");
  config.freeze = {"conv1"};
  config.optimizer.kind = OptimizerKind::adam;
  config.optimizer.beta2 = 0.99;
  config.dynamic.exit_weights = "1,0.3";
  config.augmentation = parse_augmentation("crop:3,flip,cutout:6");
  config.data.validation = 0.2;
  const TrainConfig back = config_from_json(to_json(config));
  CHECK(differing_fields(config, back).empty());
  TrainConfig other = config;
  other.rate = 0.3;
  other.augmentation.flip = false;
  CHECK(differing_fields(config, other) == std::vector<std::string>{"lr", "augment"});
  CHECK_THROWS_AS(config_from_json("{}"), FileError);
  std::string older = to_json(TrainConfig());
  older.replace(older.find("\"exit-order\""), 12, "\"a-later-field\"");
  CHECK(differing_fields(config_from_json(older), TrainConfig()).empty());
}

TEST_CASE("config: augmentations round trip and malformed ones are refused") {
  for (const char* text : {"none", "crop:4,flip", "crop-mean:2", "flip,cutout:8", "resized-crop:0.25,flip,jitter:0.4/0/0.5/0.1,cutout:3", "jitter:0/0.1/0/0"}) {
    CHECK(augmentation_text(parse_augmentation(text)) == text);
  }
  CHECK(parse_augmentation("crop").pad == 4);
  CHECK(augmentation_text(parse_augmentation("resized-crop,jitter")) == "resized-crop:0.08,jitter:0.4/0.4/0.4/0.1");
  CHECK(augmentation_text(parse_augmentation("jitter:0.2")) == "jitter:0.2/0/0/0");
  for (const char* text : {"", "crop:", "crop:0", "crop:-1", "crop:x", "flip:2", "rotate", "crop:99999999999", "resized-crop:2", "crop,resized-crop",
                           "jitter:", "jitter:0", "jitter:1/1/1/0.6", "jitter:1/1/1/0.1/1", "jitter:-1", "jitter:a"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(parse_augmentation(text), UsageError);
  }
}

}  // namespace pliant::test
