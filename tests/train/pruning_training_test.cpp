// Pruning in the middle of training: the smaller net with the packed optimizer state goes on exactly as the masked one does.
#include <doctest/doctest.h>

#include <numeric>

#include "nets/compact.h"
#include "tests/train/pruning_support.h"
#include "train/pruning/prune.h"
#include "train/train_step.h"

namespace pliant::test {

namespace {

TrainConfig config_of(OptimizerKind kind) {
  TrainConfig config;
  config.epochs = 4;
  config.optimizer.kind = kind;
  config.optimizer.momentum = 0.9;
  config.optimizer.weight_decay = kind == OptimizerKind::sgd ? 5e-4 : 0.0;
  config.optimizer.nesterov = false;
  return config;
}

void train(TrainStep& step, const NetDescription& d, std::int64_t first, std::int64_t count) {
  constexpr std::int64_t kBatch = 6;
  Tensor loss = Tensor::zeros(cpu(), {1}, DType::f64), correct = Tensor::zeros(cpu(), {1}, DType::i32);
  std::vector<std::int32_t> labels, samples(kBatch);
  for (std::int32_t i = 0; i < kBatch; ++i) labels.push_back(i % d.classes);
  std::iota(samples.begin(), samples.end(), 0);
  for (std::int64_t index = first; index < first + count; ++index) {
    const Batch batch{random_tensor(cpu(), {kBatch, d.height, d.width, d.channels}, DType::f64, static_cast<unsigned>(index)),
                      Tensor::from_host(cpu(), {kBatch}, labels), Tensor::from_host(cpu(), {kBatch}, samples)};
    step.begin_epoch(0, index);
    step.run(batch, random_key(cpu(), 1, 0), 0, index, 0.05, loss, correct);
  }
}

void check(const NetDescription& d, OptimizerKind kind, const std::string& method) {
  CAPTURE(d.name);
  CAPTURE(method);
  const TrainConfig config = config_of(kind);
  Net net = make_net(cpu(), d, DType::f64);
  TrainStep step(net, config);
  train(step, d, 0, 3);
  PruneOptions options;
  options.method = method;
  options.ratio = 0.4;
  options.floor = 1;
  prune(net, options, {});
  Net smaller = compact(net);
  TrainStep continued(smaller, config);
  std::vector<OptimizerArena> packed;
  for (const OptimizerArena& arena : step.optimizer().arenas()) packed.push_back({arena.name, compact_arena(net, smaller, arena.values)});
  continued.optimizer().restore(packed);
  continued.optimizer().set_steps(step.optimizer().steps());
  train(step, d, 3, 4);
  train(continued, d, 3, 4);
  CHECK(difference(smaller.store->values(), compact_arena(net, smaller, net.store->values())).relative < 1e-8);
  for (std::size_t i = 0; i < packed.size(); ++i) {
    CHECK(difference(continued.optimizer().arenas()[i].values, compact_arena(net, smaller, step.optimizer().arenas()[i].values)).relative < 1e-8);
  }
  CHECK(largest_difference(net, smaller, random_tensor(cpu(), {3, d.height, d.width, d.channels}, DType::f64, 77)) < 1e-8);
}

}  // namespace

TEST_CASE("pruning during training: the smaller net goes on as the masked one with SGD and Adam") {
  for (const OptimizerKind kind : {OptimizerKind::sgd, OptimizerKind::adam}) {
    check(narrow("resnet20", 8, 6), kind, "l1");
    check(narrow("vgg16", 16, 6), kind, "slimming");
    check(narrow("preresnet20", 8, 6), kind, "slimming");
  }
}

}  // namespace pliant::test
