// Samples that leave early without the host: the answers of the host's way, whatever the buckets, and nothing is read in between.
#include "nets/device_exits.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <random>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/counting_layer.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

using Integers = std::vector<std::int32_t>;

// The stem and three blocks of a tiny ResNet, an exit after each of the last two and after the first.
NetDescription small_exits() {
  NetDescription d = tiny_resnet();
  d.exits = {1, 2, 3};
  d.last_stage = 3;
  return d;
}

Tensor images(Context& context, std::int64_t n, unsigned seed) { return random_tensor(context, {n, 8, 8, 3}, DType::f32, seed, -2.0, 2.0); }

EarlyExitResult classify(const Net& net, const Tensor& x, ExitRule rule, Routing routing) {
  rule.routing = routing;
  Pass pass{.context = net.store->context()};
  return classify_early(net, pass, x, rule, true);
}

void check_same(const EarlyExitResult& a, const EarlyExitResult& b) {
  CHECK(a.exits == b.exits);
  CHECK(a.predictions == b.predictions);
  CHECK(difference(a.logits, b.logits).relative <= 1e-5);  // libraries may compute another batch size another way
}

// At each exit but the last a threshold between two of the entropies that the samples have there.
std::vector<double> random_thresholds(const Net& net, const Tensor& x, std::mt19937& random) {
  Pass pass{.context = net.store->context()};
  std::vector<double> thresholds;
  for (const Var& exit : forward(net, pass, {x})) {
    Tensor scores(pass.context, {x.shape()[0]}), predictions(pass.context, {x.shape()[0]}, DType::i32);
    kernels::confidence(exit.value, ConfidenceMeasure::entropy, scores, predictions);
    std::vector<double> sorted = scores.to_doubles();
    sorted.push_back(0.0);
    sorted.push_back(2.0);
    std::sort(sorted.begin(), sorted.end());
    const std::size_t i = random() % (sorted.size() - 1);
    thresholds.push_back(0.5 * (sorted[i] + sorted[i + 1]));
  }
  thresholds.pop_back();
  return thresholds;
}

}  // namespace

TEST_CASE("device exits: random thresholds and buckets give the answers of the host's way on the kernels") {
  const auto contexts = gpu_contexts();
  Context& context = *contexts.front().context;
  const Net net = make_net(context, small_exits(), DType::f32);
  std::mt19937 random(4);
  std::uniform_real_distribution<double> uniform(0.0, 1.0);
  std::int64_t mixed = 0;
  for (const std::int64_t n : {1, 9}) {
    const Tensor x = images(context, n, 7);
    for (int i = 0; i < 4; ++i) {
      const ExitRule rule{ConfidenceMeasure::entropy, random_thresholds(net, x, random), {uniform(random), uniform(random)}};
      const EarlyExitResult host = classify(net, x, rule, Routing::host);
      check_same(classify(net, x, rule, Routing::device), host);
      mixed += std::count(host.exits.begin(), host.exits.end(), host.exits[0]) != n;
    }
  }
  CHECK(mixed >= 2);
}

TEST_CASE("device exits: all leave at the first exit or none before the last on the kernels") {
  const auto contexts = gpu_contexts();
  Context& context = *contexts.front().context;
  const Net net = make_net(context, small_exits(), DType::f32);
  const Tensor x = images(context, 6, 3);
  for (const std::vector<double>& staying : {std::vector<double>{}, {0.0, 0.0}, {0.5, 0.1}, {1.0, 1.0}}) {
    const EarlyExitResult first = classify(net, x, {ConfidenceMeasure::entropy, {10.0, 10.0}, staying}, Routing::device);
    CHECK(first.exits == Integers(6, 0));
    check_same(first, classify(net, x, {ConfidenceMeasure::entropy, {10.0, 10.0}}, Routing::host));
    const EarlyExitResult last = classify(net, x, {ConfidenceMeasure::margin, {1.0, 1.0}, staying}, Routing::device);
    CHECK(last.exits == Integers(6, 2));
    check_same(last, classify(net, x, {ConfidenceMeasure::margin, {1.0, 1.0}}, Routing::host));
  }
}

TEST_CASE("device exits: a captured classification is replayed on other images without the host") {
  const auto contexts = gpu_contexts();
  Context& context = *contexts.front().context;
  const Net net = make_net(context, small_exits(), DType::f32);
  Tensor x = images(context, 7, 1);
  const ExitRule rule{ConfidenceMeasure::max_probability, {0.45, 0.5}, {0.1, 0.1}};
  DeviceExits exits(net, {}, 7, rule, true);
  CHECK(exits.buckets() == std::vector<std::int64_t>{4, 4});
  Pass pass{.context = context};
  const auto pool = std::make_shared<MemoryPool>(true, context.stream(), MemoryPool::Use::of_graphs);
  gpu::Graph graph;
  {
    const PoolScope scope(context, pool);
    exits.launch(pass, x);
    exits.launch(pass, x);  // what waits from one launch is let go in the next
    pool->seal(true);
    gpu::begin_capture(context.stream());
    exits.launch(pass, x);
    graph = gpu::end_capture(context.stream());
  }
  for (unsigned seed = 2; seed < 5; ++seed) {
    x.copy_from(images(context, 7, seed));
    graph.replay();
    check_same(exits.finish(pass), classify(net, x, rule, Routing::host));
  }
}

TEST_CASE("device exits: answers stay as they are while the next batch runs") {
  const Net net = make_net(cpu(), small_exits(), DType::f32);
  const ExitRule rule{ConfidenceMeasure::entropy, {0.5, 0.5}};
  DeviceExits exits(net, {}, 3, rule, true);
  Pass pass{.context = cpu()};
  CHECK_THROWS_WITH_AS(exits.finish(pass), doctest::Contains("no answers before launch()"), ConfigError);
  exits.launch(pass, images(cpu(), 3, 1));
  const EarlyExitResult first = exits.finish(pass);
  exits.launch(pass, images(cpu(), 3, 2));
  exits.finish(pass);
  check_same(first, classify(net, images(cpu(), 3, 1), rule, Routing::host));
}

TEST_CASE("device exits: a sample that nobody can judge reaches the last exit and the others do not notice") {
  const auto contexts = gpu_contexts();
  for (Context* context : {&cpu(), &*contexts.front().context}) {
    const Net net = make_net(*context, small_exits(), DType::f32);
    std::vector<double> pixels = images(*context, 5, 9).to_doubles();
    std::fill_n(pixels.begin() + 2 * 8 * 8 * 3, 8 * 8 * 3, std::nan(""));
    const Tensor x = make_tensor(*context, {5, 8, 8, 3}, DType::f32, pixels);
    for (const ConfidenceMeasure measure : {ConfidenceMeasure::entropy, ConfidenceMeasure::max_probability}) {
      const double sure = measure == ConfidenceMeasure::entropy ? 10.0 : -1.0;
      const ExitRule rule{measure, {sure, sure}, {0.0, 0.0}};
      const EarlyExitResult host = classify(net, x, rule, Routing::host), device = classify(net, x, rule, Routing::device);
      CHECK(device.exits == Integers{0, 0, 2, 0, 0});
      CHECK(host.exits == device.exits);
      CHECK(host.predictions == device.predictions);
    }
  }
}

TEST_CASE("device exits: behind an exit a bucket runs and then whoever found no room") {
  Net net = make_net(cpu(), small_exits(), DType::f32);
  std::vector<std::int64_t> rows(net.stages.size(), 0);
  for (std::size_t i = 0; i < rows.size(); ++i) net.stages[i].body = std::make_unique<CountingLayer>(std::move(net.stages[i].body), rows[i]);
  const Tensor x = images(cpu(), 100, 5);
  const auto run = [&](std::vector<double> thresholds, std::vector<double> staying) {
    std::fill(rows.begin(), rows.end(), 0);
    return classify(net, x, {ConfidenceMeasure::entropy, std::move(thresholds), std::move(staying)}, Routing::device).exits;
  };
  CHECK(run({10.0, 0.0}, {0.2, 0.1}) == Integers(100, 0));
  CHECK(rows == std::vector<std::int64_t>{100, 100, 32, 20});  // 20 and three times 4; 10 and three times 3
  CHECK(run({0.0, 10.0}, {1.0, 0.0}) == Integers(100, 1));
  CHECK(rows == std::vector<std::int64_t>{100, 100, 100, 1});
  CHECK(run({0.0, 0.0}, {0.2, 0.1}) == Integers(100, 2));
  // 32 of the hundred go on at once and 20 of these; the other 68 and 12 come later, the 68 in a batch of 80.
  CHECK(rows == std::vector<std::int64_t>{100, 100, 32 + 80, 20 + 80 + 12});
  CHECK(run({0.0, 0.0}, {}) == Integers(100, 2));
  CHECK(rows == std::vector<std::int64_t>(4, 100));
}

TEST_CASE("device exits: the host decides where the rule expects nothing or one sample runs") {
  Net net = make_net(cpu(), small_exits(), DType::f32);
  std::int64_t rows = 0;
  net.stages[2].body = std::make_unique<CountingLayer>(std::move(net.stages[2].body), rows);
  const Tensor x = images(cpu(), 4, 5);
  classify(net, x, {ConfidenceMeasure::entropy, {10.0, 10.0}, {1.0, 1.0}}, Routing::automatic);  // on the CPU
  CHECK(rows == 0);
  classify(net, x, {ConfidenceMeasure::entropy, {10.0, 10.0}, {1.0, 1.0}}, Routing::device);
  CHECK(rows == 4);
  const auto contexts = gpu_contexts();
  Context& context = *contexts.front().context;
  Net other = make_net(context, small_exits(), DType::f32);
  rows = 0;
  other.stages[2].body = std::make_unique<CountingLayer>(std::move(other.stages[2].body), rows);
  const Tensor y = images(context, 2, 5);
  classify(other, y, {ConfidenceMeasure::entropy, {10.0, 10.0}}, Routing::automatic);
  classify(other, y.rows(0, 1), {ConfidenceMeasure::entropy, {10.0, 10.0}, {1.0, 1.0}}, Routing::automatic);
  CHECK(rows == 0);
  classify(other, y, {ConfidenceMeasure::entropy, {10.0, 10.0}, {1.0, 1.0}}, Routing::automatic);
  CHECK(rows == 2);
}

TEST_CASE("device exits: shares that cannot be and batches of another size are refused by name") {
  const Net net = make_net(cpu(), small_exits(), DType::f32);
  const Tensor x = images(cpu(), 2, 5);
  const std::vector<double> half = {0.5, 0.5};
  CHECK_THROWS_WITH_AS(classify(net, x, {ConfidenceMeasure::entropy, half, {0.5}}, Routing::device),
                       "resnet20: 2 thresholds need as many expected shares, got 1", ConfigError);
  CHECK_THROWS_WITH_AS(classify(net, x, {ConfidenceMeasure::entropy, half, {0.5, 1.5}}, Routing::host), doctest::Contains("lies in [0, 1], got 1.5"),
                       ConfigError);
  CHECK_THROWS_AS(DeviceExits(net, {}, 0, {ConfidenceMeasure::entropy, half}, false), ConfigError);
  DeviceExits exits(net, {}, 3, {ConfidenceMeasure::entropy, half}, false);
  Pass pass{.context = cpu()};
  CHECK_THROWS_WITH_AS(exits.launch(pass, x), doctest::Contains("made for batches of 3"), ShapeError);
  Pass narrower{.context = cpu(), .select = {.skipped_exits = {1}}};
  CHECK_THROWS_WITH_AS(exits.launch(narrower, images(cpu(), 3, 5)), doctest::Contains("made for another selection"), ConfigError);
  CHECK(classify(net, images(cpu(), 0, 5), {ConfidenceMeasure::entropy, half}, Routing::device).exits.empty());
}

}  // namespace pliant::test
