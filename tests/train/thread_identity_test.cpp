// Trainings that are repeated on the same number of threads end with the same bits. Across numbers of threads this holds for the
// operations of Pliant's own (tests/kernels/thread_identity_test.cpp), not for the sums of oneDNN.
#include <doctest/doctest.h>

#include "nets/widths.h"
#include "tests/support/tiny_net.h"
#include "tests/train/file_helpers.h"
#include "train/trainer.h"

namespace pliant::test {

namespace {

// The bytes of the last checkpoint of two epochs on so many threads: every tensor of the net and of the optimizer.
std::string checkpoint_of(const NetDescription& d, int threads, const std::string& optimizer) {
  DataOptions options;
  options.source = "synthetic";
  options.synthetic = {.train = 26, .test = 10, .height = static_cast<int>(d.height), .width = static_cast<int>(d.width),
                       .channels = static_cast<int>(d.channels), .classes = d.classes};
  options.validation = 6;
  options.threads = threads;
  TrainConfig config;
  config.epochs = 2;
  config.batch = 8;
  config.rate = 0.01;
  config.optimizer.kind = parse_optimizer(optimizer);
  config.optimizer.nesterov = optimizer == "sgd";
  config.augmentation = parse_augmentation("crop:2,flip,cutout:4");
  const TemporaryFolder folder;
  Context context(Device::cpu, {.threads = threads});
  Net net = make_net(context, d, DType::f32);
  const RunFolder out(file_in(folder, "run"), false);
  Trainer(net, load_data(options), config, out).run({}, [] { return false; });
  return read_all(out.last_checkpoint());
}

void check_reruns(const NetDescription& d, const std::string& optimizer = "sgd") {
  for (const int threads : {1, 2, 3}) {
    CAPTURE(threads);
    const std::string first = checkpoint_of(d, threads, optimizer);
    REQUIRE(first.size() > 1000);
    const bool same = checkpoint_of(d, threads, optimizer) == first;
    CHECK(same);
  }
}

}  // namespace

TEST_CASE("thread identity: reruns of a net with biases and max pooling end with the same bits") { check_reruns(default_description("lenet5"), "adam"); }

TEST_CASE("thread identity: reruns of a net with exits and dropout and gates end with the same bits") {
  NetDescription d = tiny_resnet();
  d.exits = {2, 5};
  d.exit_dropout = 0.5;
  d.survival = std::vector<double>(9, 0.8);
  d.gate_per_sample = true;
  check_reruns(d);
}

TEST_CASE("thread identity: reruns of a net with several widths end with the same bits") {
  NetDescription d = tiny_resnet();
  add_widths(d, {0.5}, WidthRounding::truncate, WidthStatistics::switchable);
  check_reruns(d);
}

}  // namespace pliant::test
