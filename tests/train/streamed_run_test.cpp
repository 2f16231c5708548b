// Training and measuring on images that are decoded while they are used: the same bits as with all images in memory.
#include <doctest/doctest.h>

#include <filesystem>
#include <numeric>

#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/data_files.h"
#include "train/checkpoint.h"
#include "train/data/bytes.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

struct Folder {
  TemporaryFolder images, runs;
  DataOptions options;

  explicit Folder(int per_class = 20) {
    write_image_folder(images, {"a", "b", "c"}, per_class, 14, 14, 1);
    options.source = images.string();
    options.validation = 9;
    options.threads = 1;
  }
  Splits splits(StreamMode mode, int threads = 2) const {
    DataOptions o = options;
    o.stream = mode;
    o.decode_threads = threads;
    return load_data(o);
  }
  std::string run(const std::string& name) const { return (runs.path() / name).string(); }
};

TrainConfig small_config() {
  TrainConfig config;
  config.epochs = 2;
  config.batch = 8;  // the last one of an epoch has three
  config.rate = 0.05;
  config.augmentation = {.flip = true, .framing = Framing::random, .brightness = 0.3, .contrast = 0.3};
  config.log_test = true;
  return config;
}

Net fresh_net(Context& context) {
  NetDescription d = default_description("mlp");
  d.height = d.width = 14;
  d.classes = 3;
  Net net = build_net(d);
  net.store->allocate(context, DType::f32);
  initialise(net, 1);
  return net;
}

TrainResult trained(Context& context, const Splits& data, const std::string& folder, int steps = 1000, StepGraphMode graphs = StepGraphMode::automatic,
                    std::int64_t batch = 8) {
  Net net = fresh_net(context);
  const RunFolder out(folder, false);
  TrainConfig config = small_config();
  config.batch = batch;
  Trainer trainer(net, data, config, out, graphs);
  int asked = 0;
  const TrainResult result = trainer.run({}, [&] { return asked++ >= steps; });
  if (graphs == StepGraphMode::on) CHECK(trainer.graphs().counts().replayed > 0);
  return result;
}

std::vector<std::uint8_t> last_of(const std::string& folder) { return read_data_file(folder + "/last.safetensors", 1 << 28); }

}  // namespace

TEST_CASE("trainer: a streamed run writes the checkpoint of a run in memory for any number of decoding threads") {
  const Folder folder;
  const TrainResult expected = trained(cpu(), folder.splits(StreamMode::off), folder.run("kept"));
  for (const int threads : {1, 2, 4}) {
    CAPTURE(threads);
    const std::string path = folder.run(cat("streamed", threads));
    const TrainResult result = trained(cpu(), folder.splits(StreamMode::on, threads), path);
    CHECK(last_of(path) == last_of(folder.run("kept")));
    CHECK(result.test_accuracy == expected.test_accuracy);
    CHECK(result.validation_accuracy == expected.validation_accuracy);
  }
}

TEST_CASE("trainer: a streamed run that was interrupted and resumed ends like an uninterrupted one") {
  const Folder folder;
  const Splits data = folder.splits(StreamMode::on);
  trained(cpu(), data, folder.run("whole"));
  for (const int stop_after : {0, 3, 7, 9}) {  // seven batches an epoch
    CAPTURE(stop_after);
    const std::string path = folder.run(cat("cut", stop_after));
    REQUIRE(trained(cpu(), data, path, stop_after).interrupted);
    LoadedNet loaded = load_checkpoint(cpu(), path + "/last.safetensors");
    const RunFolder out(path, true);
    Trainer trainer(loaded.net, data, small_config(), out);
    trainer.restore(loaded.info.trainer_state, loaded.arenas);
    trainer.run({}, [] { return false; });
    CHECK(last_of(path) == last_of(folder.run("whole")));
  }
}

TEST_CASE("trainer: streamed steps are replayed from one place in device memory") {
  const Folder folder(6);
  Context context(gpu_contexts().front().context->device());
  trained(context, folder.splits(StreamMode::off), folder.run("eager"), 1000, StepGraphMode::off, 2);
  trained(context, folder.splits(StreamMode::on), folder.run("replayed"), 1000, StepGraphMode::on, 2);
  CHECK(last_of(folder.run("replayed")) == last_of(folder.run("eager")));
}

TEST_CASE("trainer: an image that is damaged while a run streams it ends the run with its name") {
  const Folder folder;
  for (const int threads : {1, 4}) {
    CAPTURE(threads);
    const Splits data = folder.splits(StreamMode::on, threads);
    const std::filesystem::path path = data.train.files->list->path(data.train.files->indices[20]);
    const std::vector<std::uint8_t> good = read_data_file(path, 1 << 20);
    const std::string name = std::filesystem::relative(path, folder.images.path()).string();
    folder.images.write(name, std::span(good).first(good.size() / 2));
    std::string message;
    try {
      trained(cpu(), data, folder.run(cat("damaged", threads)));
    } catch (const DataError& error) {
      message = error.what();
    }
    CHECK(message.find(path.string() + ": PNG") == 0);
    folder.images.write(name, good);
  }
}

TEST_CASE("evaluate: streamed images give the figures of images in memory in any batches") {
  const Folder folder;
  const Splits kept = folder.splits(StreamMode::off), streamed = folder.splits(StreamMode::on);
  const Net net = fresh_net(cpu());
  const DeviceData expected = to_device(cpu(), kept.test, kept.normalisation), data = to_device(cpu(), streamed.test, streamed.normalisation);
  CHECK(data.shape() == expected.shape());
  for (const std::int64_t batch : {1, 7, 1000}) {
    const Evaluation a = evaluate(net, expected, batch), b = evaluate(net, data, batch);
    CHECK(a.last().loss == b.last().loss);
    CHECK(a.last().accuracy == b.last().accuracy);
  }
  const Tensor samples = Tensor::from_host(cpu(), {4}, std::vector<std::int32_t>{5, 0, 59, 5}), key = random_key(cpu(), 4, 2);
  const Batch a = make_batch(expected, samples, key, {.pad = 2, .flip = true}, DType::f32);
  const Batch b = make_batch(data, samples, key, {.pad = 2, .flip = true}, DType::f32);
  CHECK(bit_equal(a.images, b.images));
  CHECK(bit_equal(a.labels, b.labels));
}

}  // namespace pliant::test
