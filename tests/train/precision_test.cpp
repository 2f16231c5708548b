// Training in bf16 and f16: f32 masters, a loss that falls like that of f32, a loss scale that changes nothing but the range, and
// checkpoints that say what they were trained in.
#include "train/precision.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/memory_ops.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/small_data.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_net.h"
#include "train/checkpoint.h"
#include "train/evaluate.h"
#include "train/train_step.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

TrainConfig config_for(Precision precision) {
  TrainConfig config;
  config.precision = name_of(precision);
  config.optimizer = {.momentum = 0.9, .weight_decay = 1e-4, .nesterov = true, .loss_scale = default_loss_scale(precision)};
  return config;
}

// Mean losses of some steps over the same images.
std::vector<double> losses(Net& net, const TrainConfig& config, int steps) {
  Context& context = net.store->context();
  const DeviceData data = small_images(context, 24);
  std::vector<std::int32_t> order(24);
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  const Tensor samples = Tensor::from_host(context, {24}, order), key = random_key(context, 1, 0);
  const Batch batch = make_batch(data, samples, key, {.pad = 1, .flip = true}, net.store->compute_dtype());
  TrainStep train(net, config);
  train.begin_epoch(0, 0);
  std::vector<double> losses;
  for (int i = 0; i < steps; ++i) {
    Tensor loss = Tensor::zeros(context, {1}, net.store->dtype()), correct = Tensor::zeros(context, {1}, DType::i32);
    train.run(batch, key, 0, i, 0.05, loss, correct);
    losses.push_back(loss.to_doubles()[0] / 24.0);
  }
  return losses;
}

void check_close(const std::vector<double>& actual, const std::vector<double>& expected, double tolerance) {
  REQUIRE(actual.size() == expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    CAPTURE(i);
    CHECK(std::abs(actual[i] - expected[i]) <= tolerance);
  }
  CHECK(actual.back() < 0.8 * actual.front());
}

}  // namespace

TEST_CASE("precision: names") {
  for (const std::string& name : precision_names()) CHECK(name_of(parse_precision(name)) == name);
  CHECK_THROWS_WITH_AS(parse_precision("f8"), "precision \"f8\": expected f32, tf32, bf16 or f16", UsageError);
  CHECK_THROWS_WITH_AS(require_precision(Device::cpu, Precision::tf32), "--precision tf32 needs a CUDA device, this is cpu; take f32 or bf16",
                       ConfigError);
  require_precision(Device::cpu, Precision::bf16);
}

TEST_CASE("precision: a tiny ResNet learns in bf16 and f16 as it does in f32") {
  Net plain = make_net(cpu(), tiny_resnet(), DType::f32);
  const std::vector<double> expected = losses(plain, config_for(Precision::f32), 8);
  for (const Precision precision : {Precision::bf16, Precision::f16}) {
    CAPTURE(std::string(name_of(precision)));
    Net net = make_net(cpu(), tiny_resnet(), compute_dtype(precision));
    check_close(losses(net, config_for(precision), 8), expected, precision == Precision::bf16 ? 0.2 : 0.1);
    CHECK(net.store->values().dtype() == DType::f32);
    // The last step wrote both: the masters hold more than the copy.
    Tensor again = Tensor::like(net.store->compute_copy());
    kernels::cast(net.store->values(), again);
    CHECK(bit_equal(net.store->compute_copy(), again));
    CHECK(difference(net.store->compute_copy().to_doubles(), net.store->values().to_doubles()).relative > 0.0);
  }
}

TEST_CASE("precision: the kernels learn in bf16 as the CPU does") {
  Net here = make_net(cpu(), tiny_resnet(), DType::bf16);
  const std::vector<NamedContext> contexts = gpu_contexts();
  Net there = make_net(*contexts.front().context, tiny_resnet(), DType::bf16);
  const std::vector<double> expected = losses(here, config_for(Precision::bf16), 2), actual = losses(there, config_for(Precision::bf16), 2);
  for (std::size_t i = 0; i < expected.size(); ++i) CHECK(std::abs(actual[i] - expected[i]) <= 0.05);
}

TEST_CASE("precision: a loss scale that is a power of two changes no step in f32") {
  Net plain = make_net(cpu(), tiny_resnet(), DType::f32), scaled = make_net(cpu(), tiny_resnet(), DType::f32);
  TrainConfig config = config_for(Precision::f32);
  losses(plain, config, 3);
  config.optimizer.loss_scale = 4096.0;
  losses(scaled, config, 3);
  CHECK(bit_equal(plain.store->values(), scaled.store->values()));
}

TEST_CASE("precision: a checkpoint holds f32 masters and says what it was trained in") {
  TemporaryFolder folder;
  const std::string path = (folder.path() / "net.safetensors").string();
  const Net net = make_net(cpu(), tiny_resnet(), DType::bf16);
  save_checkpoint(path, net, {{}, {}, "", "bf16"});
  CHECK(SafetensorsReader(path).at("conv1.weight").dtype == "F32");
  CHECK(read_checkpoint_header(path).info.precision == "bf16");
  const LoadedNet same = load_checkpoint(cpu(), path, DType::f32, DType::bf16), wide = load_checkpoint(cpu(), path);
  CHECK(bit_equal(same.net.store->values(), net.store->values()));
  CHECK(bit_equal(eval_pass(same.net)[0], eval_pass(net)[0]));
  CHECK(wide.net.store->compute_dtype() == DType::f32);
  CHECK_FALSE(bit_equal(eval_pass(wide.net)[0], eval_pass(net)[0]));
  save_checkpoint(path, net, {{}, {}, "", "f8"});
  CHECK_THROWS_AS(read_checkpoint_header(path), FileError);
}

TEST_CASE("precision: a run in bf16 is recorded and evaluated and refused where the net computes otherwise") {
  TemporaryFolder folder;
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 30, .test = 10, .height = 8, .width = 8, .channels = 3, .classes = 3};
  const Splits splits = load_data(options);
  TrainConfig config = config_for(Precision::bf16);
  config.epochs = 1;
  config.batch = 10;
  config.rate = 0.05;
  const RunFolder run((folder.path() / "run").string(), false);
  Net net = make_net(cpu(), tiny_resnet(), DType::bf16);
  Trainer trainer(net, splits, config, run);
  const TrainResult result = trainer.run({}, [] { return false; });
  CHECK(read_checkpoint_header(result.checkpoint).info.precision == "bf16");
  CHECK(config_from_json(to_json(config)).precision == "bf16");
  Net wide = make_net(cpu(), tiny_resnet(), DType::f32);
  CHECK_THROWS_WITH_AS(Trainer(wide, splits, config, run), "training in bf16 needs a net that computes in bf16, this one does in f32", ConfigError);
  config.optimizer.loss_scale = 8.0;
  CHECK_THROWS_WITH_AS(Trainer(net, splits, config, run), "a loss scale of 8 is for --precision f16; bf16 has the range of f32", ConfigError);
}

}  // namespace pliant::test
