// Faults of a device in the middle of training: no memory at any request, launches that fail. The error says what failed, nothing leaks,
// the last checkpoint stays good, and the context works on. The emulator fails on purpose, so builds for CUDA have nothing to run here.
#if !defined(PLIANT_WITH_CUDA)

#include <doctest/doctest.h>

#include "core/gpu/simt_device.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/tiny_net.h"
#include "train/checkpoint.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

NetDescription one_block() {
  NetDescription d = tiny_resnet();
  d.exits = {1};
  d.last_stage = 1;
  return d;
}

Splits few_images() {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 5, .test = 3, .height = 8, .width = 8, .channels = 3, .classes = 3};
  options.validation = 0;
  return load_data(options);
}

TrainConfig two_images_a_step(std::int64_t epochs) {
  TrainConfig config;
  config.epochs = epochs;
  config.batch = 2;
  config.rate = 0.01;
  return config;
}

}  // namespace

TEST_CASE("step faults: memory that is missing at any request of a step is reported and nothing leaks") {
  Context context(Device::emulated);
  Net net = make_net(context, one_block(), DType::f32);
  TrainStep step(net, two_images_a_step(1));
  step.begin_epoch(0, 0);
  const Batch batch{random_tensor(context, {2, 8, 8, 3}, DType::f32, 1), Tensor::from_host(context, {2}, std::vector<std::int32_t>{0, 2}),
                    Tensor::from_host(context, {2}, std::vector<std::int32_t>{4, 1})};
  const Tensor key = random_key(context, 1, 0);
  Tensor loss = Tensor::zeros(context, {1}), correct = Tensor::zeros(context, {1}, DType::i32);
  const auto run = [&] { step.run(batch, key, 0, 0, 0.01, loss, correct); };
  run();  // tables of indices are made
  const std::size_t live = context.pool().counters().live_bytes;
  const std::int64_t before = context.pool().counters().driver_allocations;
  run();
  const std::int64_t requests = context.pool().counters().driver_allocations - before;
  REQUIRE(requests > 20);
  for (std::int64_t n = 0; n < requests; ++n) {
    CAPTURE(n);
    context.stream()->faults.allocations = n;
    CHECK_THROWS_WITH_AS(run(), doctest::Contains("bytes are in use"), MemoryError);
    CHECK(context.pool().counters().live_bytes == live);
  }
  context.stream()->faults.allocations = requests;
  CHECK_NOTHROW(run());
  CHECK(context.pool().counters().live_bytes == live);
}

TEST_CASE("step faults: a launch that fails ends the run and the last checkpoint resumes it exactly") {
  const TemporaryFolder folder;
  const Splits data = few_images();
  const TrainConfig config = two_images_a_step(2);
  Context context(Device::emulated);
  const auto net_here = [&] { return make_net(context, one_block(), DType::f32); };
  Net whole = net_here();
  Trainer(whole, data, config, RunFolder((folder.path() / "whole").string(), false)).run({}, [] { return false; });
  const std::string path = (folder.path() / "cut").string();
  {
    Net net = net_here();
    const RunFolder out(path, false);
    Trainer trainer(net, data, config, out);
    int steps = 0;
    CHECK_THROWS_WITH_AS(trainer.run({}, [&] {
      if (++steps == 5) context.stream()->faults.launches = 7;  // in the second epoch
      return false;
    }), doctest::Contains("the launch fails on purpose"), DeviceError);
    context.stream()->faults.launches = -1;
  }
  LoadedNet loaded = load_checkpoint(context, path + "/last.safetensors");
  const RunFolder out(path, true);
  Trainer trainer(loaded.net, data, config, out);
  trainer.restore(loaded.info.trainer_state, loaded.arenas);
  trainer.run({}, [] { return false; });
  CHECK(bit_equal(loaded.net.store->values(), whole.store->values()));
}

TEST_CASE("step faults: a run by replayed steps equals an eager one and a failed capture leaves its checkpoint") {
  const TemporaryFolder folder;
  const Splits data = few_images();
  const TrainConfig config = two_images_a_step(3);
  Context context(Device::emulated);
  Net eager = make_net(context, one_block(), DType::f32), replayed = make_net(context, one_block(), DType::f32);
  Trainer(eager, data, config, RunFolder((folder.path() / "eager").string(), false)).run({}, [] { return false; });
  const RunFolder out((folder.path() / "replayed").string(), false);
  Trainer trainer(replayed, data, config, out, StepGraphMode::on);
  trainer.run({}, [] { return false; });
  CHECK(bit_equal(replayed.store->values(), eager.store->values()));
  CHECK(bit_equal(replayed.store->buffers(), eager.store->buffers()));
  CHECK(trainer.graphs().counts().replayed == 5);  // of nine steps: the third to sixth with two images, the third with one
  Net net = make_net(context, one_block(), DType::f32);
  const RunFolder other((folder.path() / "failed").string(), false);
  Trainer failing(net, data, config, other, StepGraphMode::on);
  int steps = 0;
  CHECK_THROWS_WITH_AS(failing.run({}, [&] {
    if (++steps == 4) context.stream()->faults.launches = 3;  // the third step with two images is captured
    return false;
  }), doctest::Contains("a training step could not be captured as a graph"), DeviceError);
  context.stream()->faults.launches = -1;
  CHECK(load_checkpoint(context, other.last_checkpoint()).net.store->allocated());
}

}  // namespace pliant::test

#endif
