// The steps of a training run as the trainer takes them, on a small net and few images, and what two such runs must agree in.
#pragma once

#include <numeric>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/small_data.h"
#include "tests/support/tiny_net.h"
#include "train/step_feed.h"
#include "train/step_graphs.h"

namespace pliant::test {

inline constexpr std::int64_t kBatch = 3;

// tiny_resnet() up to the last of these stages, with a head after each of them.
inline NetDescription shallow(const std::vector<int>& exits) {
  NetDescription d = tiny_resnet();
  d.exits = exits;
  d.last_stage = exits.back();
  return d;
}

inline TrainConfig config_for(std::int64_t epochs = 2) {
  TrainConfig config;
  config.epochs = epochs;
  config.batch = kBatch;
  config.augmentation = {.pad = 1, .flip = true};
  config.optimizer = {.momentum = 0.9, .weight_decay = 1e-3, .nesterov = true};
  return config;
}

// The steps of a run as the trainer takes them.
struct StepRun {
  StepRun(Context& on, const NetDescription& d, const TrainConfig& options, const StepGraphOptions& graph_options, std::int64_t images,
          DType compute = DType::f32, std::unique_ptr<const SelectionPolicy> policy = nullptr)
      : context(on),
        config(options),
        net(make_net(on, d, compute)),
        step(net, config, std::move(policy)),
        data(small_images(on, images)),
        feed(on, images, kBatch, step.optimizer().scalars_on_device().size()),
        graphs(on, graph_options),
        loss(Tensor::zeros(on, {1})),
        correct(Tensor::zeros(on, {1}, DType::i32)) {}

  void begin_epoch(std::int64_t epoch) {
    std::vector<std::int32_t> order(static_cast<std::size_t>(data.size()));
    std::iota(order.begin(), order.end(), 0);
    std::rotate(order.begin(), order.begin() + epoch, order.end());
    std::vector<double> scalars;
    for (std::int64_t i = 0; i < feed.steps(); ++i) {
      const std::vector<double> row = step.optimizer().scalars(0.01 / static_cast<double>(i + 1), step.optimizer().steps() + i + 1);
      scalars.insert(scalars.end(), row.begin(), row.end());
    }
    feed.begin_epoch(order, scalars, 0, config.seed, static_cast<std::uint32_t>(epoch));
    step.begin_epoch(epoch, 0);
  }
  void train(std::int64_t epoch, std::int64_t index) {
    const std::int64_t n = std::min(kBatch, data.size() - index * kBatch);
    const StepPlan plan = step.plan(epoch, index, n);
    net.store->refresh_compute_copy();  // as the trainer does
    const auto one = [&](BlockStates* states) {
      Tensor samples(context, {n}, DType::i32);
      feed.next(step.optimizer().scalars_on_device(), samples);
      step.launch(plan, make_batch(data, samples, feed.key(), config.augmentation, net.store->compute_dtype()), feed.key(), loss, correct, states);
    };
    graphs.run(plan, one, [&] {
      std::vector<Tensor> changed = step.changed();
      for (const Tensor& tensor : {feed.position(), loss, correct}) changed.push_back(tensor);
      return changed;
    });
    step.count(plan);
  }
  void train_all() {
    for (std::int64_t epoch = 0; epoch < config.epochs; ++epoch) {
      begin_epoch(epoch);
      for (std::int64_t i = 0; i < feed.steps(); ++i) train(epoch, i);
    }
  }

  Context& context;
  TrainConfig config;
  Net net;
  TrainStep step;
  DeviceData data;
  StepFeed feed;
  StepGraphs graphs;
  Tensor loss, correct;
};

void check_equal(const StepRun& a, const StepRun& b);  // bit for bit: the net, the optimizer, loss and hits

inline constexpr StepGraphOptions kRequired{.active = true, .required = true};

}  // namespace pliant::test
