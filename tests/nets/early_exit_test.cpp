// Samples that leave early get what they would get alone, and nothing deeper runs for them.
#include "nets/early_exit.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "tests/support/compare.h"
#include "tests/support/contexts.h"
#include "tests/support/counting_layer.h"
#include "tests/support/tiny_net.h"

namespace pliant::test {

namespace {

using Integers = std::vector<std::int32_t>;

NetDescription three_exits() {
  NetDescription d = tiny_resnet();
  d.exits = {3, 6};
  return d;
}

Tensor images(Context& context, const NetDescription& d, std::int64_t n, DType dtype, unsigned seed = 3) {
  return random_tensor(context, {n, d.height, d.width, d.channels}, dtype, seed, -2.0, 2.0);
}

// By the host, and again by the device with buckets of every kind.
EarlyExitResult classify(const Net& net, const Tensor& x, ExitRule rule, const Selection& select = {}, bool keep_logits = false) {
  Pass pass{.context = net.store->context(), .select = select};
  const EarlyExitResult result = classify_early(net, pass, x, rule, keep_logits);
  rule.routing = Routing::device;
  for (const double share : {-1.0, 0.0, 0.3, 1.0}) {
    if (share >= 0.0) rule.staying.assign(rule.thresholds.size(), share);
    const EarlyExitResult other = classify_early(net, pass, x, rule, keep_logits);
    CHECK(other.exits == result.exits);
    CHECK(other.predictions == result.predictions);
    if (keep_logits) CHECK(difference(other.logits, result.logits).relative <= (x.dtype() == DType::f64 ? 0.0 : 1e-5));
  }
  return result;
}

// Logits of every exit, all of them computed for every sample.
std::vector<Tensor> all_logits(const Net& net, const Tensor& x, const Selection& select = {}) {
  Pass pass{.context = net.store->context(), .select = select};
  std::vector<Tensor> logits;
  for (const Var& exit : forward(net, pass, {x})) logits.push_back(exit.value);
  return logits;
}

std::vector<double> scores_of(const Tensor& logits, ConfidenceMeasure measure) {
  Tensor scores(logits.context(), {logits.shape()[0]}, logits.dtype()), predictions(logits.context(), {logits.shape()[0]}, DType::i32);
  kernels::confidence(logits, measure, scores, predictions);
  return scores.to_doubles();
}

Integers classes_of(const Tensor& logits) {
  Tensor scores(logits.context(), {logits.shape()[0]}, logits.dtype()), predictions(logits.context(), {logits.shape()[0]}, DType::i32);
  kernels::confidence(logits, ConfidenceMeasure::entropy, scores, predictions);
  return predictions.to_host<std::int32_t>();
}

// The value below which `share` of the scores lie, between two of them.
double between(std::vector<double> scores, double share) {
  std::sort(scores.begin(), scores.end());
  const auto i = static_cast<std::size_t>(share * static_cast<double>(scores.size()));
  return 0.5 * (scores.at(i) + scores.at(i - 1));
}

// Thresholds that send about a third each way at each exit.
ExitRule mixed_rule(const std::vector<Tensor>& logits, ConfidenceMeasure measure = ConfidenceMeasure::entropy) {
  ExitRule rule{measure, {}};
  for (std::size_t i = 0; i + 1 < logits.size(); ++i) rule.thresholds.push_back(between(scores_of(logits[i], measure), 0.4));
  return rule;
}

// Where the rule sends each sample, from the logits of all exits.
EarlyExitResult routed(const std::vector<Tensor>& logits, const ExitRule& rule) {
  EarlyExitResult result;
  for (std::size_t n = 0; n < static_cast<std::size_t>(logits[0].shape()[0]); ++n) {
    std::size_t exit = 0;
    for (; exit < rule.thresholds.size(); ++exit) {
      const double score = scores_of(logits[exit], rule.measure)[n];
      if (leaves_below(rule.measure) ? score < rule.thresholds[exit] : score > rule.thresholds[exit]) break;
    }
    result.exits.push_back(static_cast<std::int32_t>(exit));
    result.predictions.push_back(classes_of(logits[exit])[n]);
  }
  return result;
}

std::vector<double> shares_of(const Integers& exits, std::size_t count) {
  std::vector<double> shares(count, 0.0);
  for (const std::int32_t exit : exits) shares.at(static_cast<std::size_t>(exit)) += 1.0 / static_cast<double>(exits.size());
  return shares;
}

}  // namespace

TEST_CASE("early exit: at threshold zero all reach the last exit and above ln C all leave at the first") {
  const Net net = make_net(cpu(), three_exits(), DType::f64);
  const Tensor x = images(cpu(), net.description, 7, DType::f64);
  const std::vector<Tensor> logits = all_logits(net, x);
  for (const double never : {0.0, -1.0}) {
    const EarlyExitResult last = classify(net, x, {ConfidenceMeasure::entropy, {never, never}}, {}, true);
    CHECK(last.exits == Integers(7, 2));
    CHECK(last.predictions == classes_of(logits[2]));
    CHECK(bit_equal(last.logits, logits[2]));
  }
  const EarlyExitResult first = classify(net, x, {ConfidenceMeasure::entropy, {std::log(3.0) + 1e-6, 0.0}}, {}, true);
  CHECK(first.exits == Integers(7, 0));
  CHECK(first.predictions == classes_of(logits[0]));
  CHECK(bit_equal(first.logits, logits[0]));
  for (const ConfidenceMeasure measure : {ConfidenceMeasure::max_probability, ConfidenceMeasure::margin}) {
    CHECK(classify(net, x, {measure, {1.0, 1.0}}).exits == Integers(7, 2));
    CHECK(classify(net, x, {measure, {-0.1, 1.0}}).exits == Integers(7, 0));
  }
}

TEST_CASE("early exit: a batch is routed as each sample alone and as the logits of all exits say") {
  const Net net = make_net(cpu(), three_exits(), DType::f64);
  const Tensor x = images(cpu(), net.description, 23, DType::f64);
  const std::vector<Tensor> logits = all_logits(net, x);
  for (const ConfidenceMeasure measure : {ConfidenceMeasure::entropy, ConfidenceMeasure::max_probability, ConfidenceMeasure::margin}) {
    const ExitRule rule = mixed_rule(logits, measure);
    const EarlyExitResult expected = routed(logits, rule), batch = classify(net, x, rule, {}, true);
    CHECK(batch.exits == expected.exits);
    CHECK(batch.predictions == expected.predictions);
    for (const double share : shares_of(batch.exits, 3)) CHECK(share > 0.1);
    for (std::int64_t n = 0; n < 23; ++n) {
      const auto i = static_cast<std::size_t>(n);
      const EarlyExitResult alone = classify(net, x.rows(n, 1), rule, {}, true);
      CHECK(alone.exits[0] == batch.exits[i]);
      CHECK(alone.predictions[0] == batch.predictions[i]);
      CHECK(bit_equal(alone.logits, batch.logits.rows(n, 1)));
      CHECK(bit_equal(batch.logits.rows(n, 1), logits[static_cast<std::size_t>(batch.exits[i])].rows(n, 1)));
    }
  }
}

TEST_CASE("early exit: no sample and a batch in which all leave at the middle exit") {
  const Net net = make_net(cpu(), three_exits(), DType::f64);
  const EarlyExitResult none = classify(net, images(cpu(), net.description, 0, DType::f64), {ConfidenceMeasure::entropy, {1.0, 1.0}});
  CHECK(none.exits.empty());
  CHECK(none.predictions.empty());
  const Tensor x = images(cpu(), net.description, 5, DType::f64);
  CHECK(classify(net, x, {ConfidenceMeasure::entropy, {0.0, 10.0}}).exits == Integers(5, 1));
}

TEST_CASE("early exit: nothing runs for samples that have left") {
  Net net = make_net(cpu(), three_exits(), DType::f32);
  std::vector<std::int64_t> bodies(net.stages.size(), 0), heads(net.stages.size(), 0);
  for (std::size_t i = 0; i < net.stages.size(); ++i) {
    net.stages[i].body = std::make_unique<CountingLayer>(std::move(net.stages[i].body), bodies[i]);
    if (net.stages[i].head) net.stages[i].head = std::make_unique<CountingLayer>(std::move(net.stages[i].head), heads[i]);
  }
  const auto reset = [&] { std::fill(bodies.begin(), bodies.end(), 0), std::fill(heads.begin(), heads.end(), 0); };
  const Tensor x = images(cpu(), net.description, 60, DType::f32);
  Pass pass{.context = cpu()};
  classify_early(net, pass, x, {ConfidenceMeasure::entropy, {10.0, 10.0}});
  for (std::size_t i = 0; i < bodies.size(); ++i) {
    CHECK(bodies[i] == (i <= 3 ? 60 : 0));
    CHECK(heads[i] == (i == 3 ? 60 : 0));
  }
  const ExitRule rule = mixed_rule(all_logits(net, x));
  reset();
  const Integers exits = classify_early(net, pass, x, rule).exits;
  const std::int64_t after_first = 60 - std::count(exits.begin(), exits.end(), 0), last = std::count(exits.begin(), exits.end(), 2);
  CHECK(after_first < 50);
  CHECK(last < after_first);
  CHECK(heads[3] == 60);
  CHECK(heads[6] >= after_first);
  CHECK(heads[6] <= after_first + after_first / 4);
  CHECK(bodies.back() >= last);
  CHECK(bodies.back() <= last + last / 4);
}

TEST_CASE("early exit: survivors come in a few sizes and a batch of one is never padded") {
  CHECK(batch_sizes(0).empty());
  CHECK(batch_sizes(1) == std::vector<std::int64_t>{1});
  CHECK(batch_sizes(16) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16});
  CHECK(batch_sizes(100) == std::vector<std::int64_t>{1, 2, 3, 4, 5, 6, 7, 8, 10, 12, 14, 16, 20, 24, 28, 32, 40, 48, 56, 64, 80, 96, 100});
}

TEST_CASE("early exit: the comparison is strict") {
  const Net net = make_net(cpu(), three_exits(), DType::f64);
  const Tensor x = images(cpu(), net.description, 1, DType::f64);
  const std::vector<Tensor> logits = all_logits(net, x);
  for (const ConfidenceMeasure measure : {ConfidenceMeasure::entropy, ConfidenceMeasure::max_probability, ConfidenceMeasure::margin}) {
    const double score = scores_of(logits[0], measure)[0], never = leaves_below(measure) ? 0.0 : 1.0;
    const double beyond = std::nextafter(score, leaves_below(measure) ? 10.0 : -10.0);
    CHECK(classify(net, x, {measure, {score, never}}).exits == Integers{2});
    CHECK(classify(net, x, {measure, {beyond, never}}).exits == Integers{0});
  }
}

TEST_CASE("early exit: more leave at the first exit as its threshold grows") {
  const Net net = make_net(cpu(), three_exits(), DType::f32);
  const Tensor x = images(cpu(), net.description, 40, DType::f32);
  const double levels[] = {0.0, 1e-4, 0.1, 0.3, 0.5, 0.7, 0.9, 1.0, 1.05, 1.2};
  std::int64_t before = 0, different = 0;
  for (const double threshold : levels) {
    const Integers exits = classify(net, x, {ConfidenceMeasure::entropy, {threshold, 0.5}}).exits;
    const std::int64_t leaving = std::count(exits.begin(), exits.end(), 0);
    CHECK(leaving >= before);
    different += leaving != before;
    before = leaving;
  }
  CHECK(before == 40);
  CHECK(different > 1);
}

TEST_CASE("early exit: NaN never leaves before the last exit") {
  const Net net = make_net(cpu(), three_exits(), DType::f64);
  Tensor x = images(cpu(), net.description, 3, DType::f64);
  x.rows(1, 1).copy_from(make_tensor(cpu(), {1, 8, 8, 3}, DType::f64, std::vector<double>(8 * 8 * 3, std::nan(""))));
  CHECK(classify(net, x, {ConfidenceMeasure::entropy, {10.0, 10.0}}).exits == Integers{0, 2, 0});
}

TEST_CASE("early exit: width and dropped blocks and skipped exits of the selection are respected") {
  NetDescription d = three_exits();
  d.widths = {share_of_axes(build_net(d), 0.5)};
  d.batch_norm_sets = 2;
  Net net = make_net(cpu(), d, DType::f64);
  const Tensor x = images(cpu(), d, 17, DType::f64);
  Selection select;
  select.width = 1;
  select.dropped = {1, 5};
  std::vector<Tensor> logits = all_logits(net, x, select);
  const ExitRule rule = mixed_rule(logits);
  const EarlyExitResult all = classify(net, x, rule, select), expected = routed(logits, rule);
  CHECK(all.exits == expected.exits);
  CHECK(all.predictions == expected.predictions);
  CHECK(all.exits != classify(net, x, rule).exits);

  select.skipped_exits = {0};
  CHECK(selected_exits(net, select) == std::vector<int>{1, 2});
  logits = all_logits(net, x, select);
  const ExitRule shorter = mixed_rule(logits);
  Integers numbers = routed(logits, shorter).exits;
  for (std::int32_t& exit : numbers) exit += 1;  // counted over all exits of the net
  CHECK(classify(net, x, shorter, select).exits == numbers);
  select.skipped_exits = {1, 2};
  CHECK(classify(net, x, {}, select).exits == Integers(17, 0));

  for (const auto& axis : net.store->axes()) {
    if (axis->name() == "layer2") axis->mask = make_tensor(cpu(), {axis->size()}, DType::f64, {1, 0, 1, 1, 0, 1});
  }
  logits = all_logits(net, x);
  const EarlyExitResult masked = classify(net, x, mixed_rule(logits));
  CHECK(masked.exits == routed(logits, mixed_rule(logits)).exits);
}

TEST_CASE("early exit: the mean cost is the cost of each exit with its earlier heads times its share") {
  const Net net = make_net(cpu(), three_exits(), DType::f32);
  const std::vector<std::int64_t> costs = exit_costs(net);
  REQUIRE(costs.size() == 3);
  // By hand from the rows of the whole net: everything up to and with each head.
  std::vector<std::int64_t> expected;
  std::int64_t macs = 0;
  for (const LayerCost& row : cost(net).layers) {
    macs += row.macs;
    if (row.type == "linear") expected.push_back(macs);
  }
  CHECK(costs == expected);
  CHECK(costs.back() == cost(net).macs);
  Selection trunk;
  trunk.skipped_exits = {0, 1};
  CHECK(exit_costs(net, trunk) == std::vector<std::int64_t>{cost(net, trunk).macs});
  CHECK(exit_costs(net, trunk)[0] < costs[2]);

  const Tensor x = images(cpu(), net.description, 31, DType::f32);
  const Integers exits = classify(net, x, mixed_rule(all_logits(net, x))).exits;
  double sum = 0.0;
  for (const std::int32_t exit : exits) sum += static_cast<double>(costs[static_cast<std::size_t>(exit)]) / 31.0;
  CHECK(std::abs(mean_cost(shares_of(exits, 3), costs) - sum) < 1e-6 * sum);
  CHECK_THROWS_AS(mean_cost({1.0}, costs), ConfigError);
}

TEST_CASE("early exit: a sample that leaves B-LeNet at its branch costs 5.18 times less than the trunk") {
  const Net net = build_net(default_description("b-lenet"));
  Selection trunk;
  trunk.skipped_exits = {0};
  const double whole = mean_cost({1.0}, exit_costs(net, trunk)), first = mean_cost({1.0, 0.0}, exit_costs(net));
  CHECK(whole == 1140070.0);
  CHECK(first == 220150.0);
  CHECK(std::abs(whole / first - 5.18) < 0.005);
  CHECK(mean_cost({0.0, 1.0}, exit_costs(net)) == 1140070.0 + 107650.0);
}

TEST_CASE("early exit: the kernels route as the CPU does") {
  const NetDescription d = three_exits();
  const Net on_cpu = make_net(cpu(), d, DType::f64);
  const Tensor x = images(cpu(), d, 9, DType::f64);
  const std::vector<Tensor> logits = all_logits(on_cpu, x);
  const ExitRule rule = mixed_rule(logits);
  const EarlyExitResult expected = classify(on_cpu, x, rule, {}, true);
  for (const NamedContext& gpu : gpu_contexts()) {
    CAPTURE(gpu.name);
    Net net = make_net(*gpu.context, d, DType::f32);
    copy_leading(on_cpu, net);
    const EarlyExitResult actual = classify(net, make_tensor(*gpu.context, x.shape(), DType::f32, x.to_doubles()), rule, {}, true);
    CHECK(actual.exits == expected.exits);
    CHECK(actual.predictions == expected.predictions);
    CHECK(difference(actual.logits, expected.logits).relative <= 1e-4);
    break;  // one order: the table of operations runs every kernel in all three
  }
}

TEST_CASE("early exit: a wrong number of thresholds and passes that train are refused by name") {
  Net net = make_net(cpu(), three_exits(), DType::f32);
  const Tensor x = images(cpu(), net.description, 2, DType::f32);
  CHECK_THROWS_WITH_AS(classify(net, x, {ConfidenceMeasure::entropy, {0.5}}), "resnet20: 3 exits need 2 thresholds (all leave at the last), got 1",
                       ConfigError);
  CHECK_THROWS_AS(classify(net, x, {ConfidenceMeasure::entropy, {0.5, 0.5, 0.5}}), ConfigError);
  Selection two, none;
  two.skipped_exits = {1};
  CHECK_THROWS_WITH_AS(classify(net, x, {}, two), "resnet20: 2 exits need 1 threshold (all leave at the last), got 0", ConfigError);
  none.skipped_exits = {0, 1, 2};
  CHECK_THROWS_WITH_AS(classify(net, x, {}, none), doctest::Contains("skips all 3 exits"), ConfigError);
  CHECK_THROWS_WITH_AS(classify(net, Tensor(cpu(), {2, 9, 8, 3}), {ConfidenceMeasure::entropy, {0.5, 0.5}}), doctest::Contains("takes images of 8 x 8"),
                       ShapeError);
  Pass training{.context = cpu(), .mode = Mode::train};
  CHECK_THROWS_WITH_AS(classify_early(net, training, x, {ConfidenceMeasure::entropy, {0.5, 0.5}}), doctest::Contains("in inference alone"), ConfigError);
}

}  // namespace pliant::test
