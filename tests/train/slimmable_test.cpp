// The lesson of switchable batch normalisation: one set of statistics for several widths trains well and evaluates badly.
#include <doctest/doctest.h>

#include <numeric>

#include "kernels/reduce.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "train/train_step.h"

namespace pliant::test {

namespace {

constexpr std::int64_t kClasses = 4, kBatch = 32, kSide = 8;

// Images of a class are its pattern and noise.
Batch noisy_patterns(unsigned seed) {
  constexpr std::int64_t kPixels = kSide * kSide * 3;
  const std::vector<double> patterns = random_values(kClasses * kPixels, 77);
  std::vector<double> pixels = random_values(kBatch * kPixels, 1000 + seed, -1.5, 1.5);
  std::vector<std::int32_t> labels, samples(kBatch);
  for (std::int64_t i = 0; i < kBatch; ++i) {
    labels.push_back(static_cast<std::int32_t>(i % kClasses));
    for (std::int64_t p = 0; p < kPixels; ++p) {
      pixels[static_cast<std::size_t>(i * kPixels + p)] += patterns[static_cast<std::size_t>(i % kClasses * kPixels + p)];
    }
  }
  std::iota(samples.begin(), samples.end(), 0);
  return {make_tensor(cpu(), {kBatch, kSide, kSide, 3}, DType::f32, pixels), Tensor::from_host(cpu(), {kBatch}, labels),
          Tensor::from_host(cpu(), {kBatch}, samples)};
}

double accuracy(const Net& net, const Selection& select) {
  Tensor correct = Tensor::zeros(cpu(), {1}, DType::i32);
  constexpr int kBatches = 4;
  for (unsigned i = 0; i < kBatches; ++i) {
    const Batch batch = noisy_patterns(500 + i);
    Pass pass{.context = cpu(), .select = select};
    kernels::count_correct(forward(net, pass, Var{batch.images})[0].value, batch.labels, correct);
  }
  return correct.to_doubles()[0] / (kBatches * kBatch);
}

struct Outcome {
  double training = 0.0;      // accuracy of the widest width over the last steps, with the statistics of the batch
  std::vector<double> widths;  // in eval mode
};

Outcome train_slimmable(WidthStatistics statistics) {
  NetDescription d = default_description("resnet20");
  d.height = d.width = kSide;
  d.classes = kClasses;
  const Net plain = build_net(d);
  for (const auto& axis : plain.store->axes()) {
    if (axis->plain()) d.axis_sizes[axis->name()] = axis->size() / 2;
  }
  add_widths(d, {0.25, 0.5, 1.0}, WidthRounding::truncate, statistics);
  Net net = build_net(d);
  net.store->allocate(cpu(), DType::f32);
  initialise(net, 1);
  TrainConfig config;
  config.optimizer = {.momentum = 0.9, .weight_decay = 1e-4, .nesterov = true};
  TrainStep step(net, config);
  step.begin_epoch(0, 0);
  Tensor loss = Tensor::zeros(cpu(), {1}, DType::f32), correct = Tensor::zeros(cpu(), {1}, DType::i32);
  constexpr std::int64_t kSteps = 60, kLast = 10;
  for (std::int64_t i = 0; i < kSteps; ++i) {
    if (i == kSteps - kLast) correct.zero();
    step.run(noisy_patterns(static_cast<unsigned>(i)), random_key(cpu(), 1, 0), 0, i, 0.05, loss, correct);
  }
  Outcome outcome{correct.to_doubles()[0] / (kLast * kBatch), {}};
  for (int width = 0; width < net.widths(); ++width) outcome.widths.push_back(accuracy(net, {.width = width}));
  return outcome;
}

}  // namespace

TEST_CASE("slimmable: private statistics work at every width where one shared set fails at the narrow ones") {
  const Outcome shared = train_slimmable(WidthStatistics::shared);
  CHECK(shared.training > 0.9);  // while it trains the naive variant looks fine
  for (const WidthStatistics statistics : {WidthStatistics::switchable, WidthStatistics::statistics}) {
    const Outcome own = train_slimmable(statistics);
    CHECK(own.training > 0.9);
    REQUIRE(own.widths.size() == 3);
    for (std::size_t width = 0; width < 3; ++width) {
      CAPTURE(width);
      CAPTURE(own.widths[width]);
      CAPTURE(shared.widths[width]);
      CHECK(own.widths[width] > 0.85);
    }
    CHECK(shared.widths[2] < own.widths[2] - 0.25);
  }
}

}  // namespace pliant::test
