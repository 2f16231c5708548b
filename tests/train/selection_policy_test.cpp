#include "train/selection_policy.h"

#include <doctest/doctest.h>

#include <cmath>
#include <set>

#include "nets/stochastic_depth.h"
#include "nets/widths.h"
#include "nets/zoo.h"
#include "tests/support/contexts.h"
#include "train/train_step.h"

namespace pliant::test {

namespace {

Net slimmable(const std::vector<double>& ratios, WidthStatistics statistics) {
  NetDescription d = default_description("resnet20");
  add_widths(d, ratios, WidthRounding::truncate, statistics);
  return build_net(d);
}

}  // namespace

TEST_CASE("selection policy: gates open at their rates and independently and the same for the same seed") {
  NetDescription d = default_description("resnet110");
  d.survival = linear_survival(54, 0.5);
  Net net = build_net(d);
  const DynamicPolicy policy(net, {}, 7, 10), same(net, {}, 7, 10), other(net, {}, 8, 10);
  constexpr int kDraws = 20000;
  std::vector<double> open(54, 0.0);
  double sum = 0.0, squares = 0.0, both = 0.0;
  int differs = 0;
  for (int step = 0; step < kDraws; ++step) {
    const IndexSet dropped = policy.passes(step / 1000, step % 1000)[0].select.dropped;
    for (int block = 0; block < 54; ++block) open[static_cast<std::size_t>(block)] += !dropped.contains(block);
    const double count = 54 - dropped.count();
    sum += count;
    squares += count * count;
    both += !dropped.contains(52) && !dropped.contains(53);
    if (step < 20) {
      CHECK(same.passes(0, step)[0].select.dropped == policy.passes(0, step)[0].select.dropped);
      differs += other.passes(0, step)[0].select.dropped != policy.passes(0, step)[0].select.dropped;
    }
  }
  CHECK(differs > 15);
  for (std::size_t block = 0; block < 54; ++block) {
    const double p = d.survival[block], error = std::sqrt(p * (1.0 - p) / kDraws);
    CAPTURE(block);
    CHECK(std::abs(open[block] / kDraws - p) <= 4.0 * error);
  }
  const double mean = sum / kDraws, variance = squares / kDraws - mean * mean;
  CHECK(mean == doctest::Approx(40.25).epsilon(0.003));
  CHECK(variance == doctest::Approx(9.12).epsilon(0.05));
  const double expected = d.survival[52] * d.survival[53];
  CHECK(std::abs(both / kDraws - expected) <= 4.0 * std::sqrt(expected * (1.0 - expected) / kDraws));
}

TEST_CASE("selection policy: gates per sample leave every block to draw for itself") {
  NetDescription d = default_description("resnet20");
  d.survival = linear_survival(9, 0.2);
  d.gate_per_sample = true;
  Net net = build_net(d);
  for (int batch = 0; batch < 50; ++batch) CHECK(DynamicPolicy(net, {}, 1, 1).passes(0, batch)[0].select.dropped.empty());
}

TEST_CASE("selection policy: all widths of the list run in every step with the same gates") {
  NetDescription d = default_description("resnet20");
  d.survival = linear_survival(9, 0.5);
  add_widths(d, {0.25, 0.5, 1.0}, WidthRounding::truncate, WidthStatistics::switchable);
  Net net = build_net(d);
  const DynamicPolicy policy(net, {}, 1, 5);
  for (int batch = 0; batch < 20; ++batch) {
    const std::vector<PlannedPass> passes = policy.passes(0, batch);
    REQUIRE(passes.size() == 3);
    for (int width = 0; width < 3; ++width) {
      const PlannedPass& pass = passes[static_cast<std::size_t>(width)];
      CHECK(pass.select.width == width);
      CHECK(pass.select.dropped == passes[0].select.dropped);
      CHECK_FALSE(pass.taught);
      CHECK_FALSE(pass.statistics_momentum);
    }
  }
}

TEST_CASE("selection policy: the sandwich rule always has the widest and the narrowest and draws the rest") {
  DynamicOptions options{.width_training = "sandwich", .inplace_distillation = true};
  SUBCASE("private statistics draw from the list") {
    Net net = slimmable({0.2, 0.3, 0.4, 0.5, 0.7, 1.0}, WidthStatistics::switchable);
    const DynamicPolicy policy(net, options, 3, 5);
    std::set<int> drawn;
    for (int batch = 0; batch < 100; ++batch) {
      const std::vector<PlannedPass> passes = policy.passes(1, batch);
      REQUIRE(passes.size() == 4);
      CHECK(passes[0].select.width == 0);
      CHECK_FALSE(passes[0].taught);
      CHECK(passes[1].select.width == 5);
      CHECK(passes[2].select.width != passes[3].select.width);
      for (std::size_t i = 1; i < 4; ++i) CHECK(passes[i].taught);
      drawn.insert({passes[2].select.width, passes[3].select.width});
    }
    CHECK(drawn == std::set<int>{1, 2, 3, 4});
  }
  SUBCASE("one batch-norm set draws from every width between") {
    Net net = slimmable({0.25, 1.0}, WidthStatistics::shared);
    const int declared = net.store->axes()[0]->widths();
    const DynamicPolicy policy(net, options, 3, 5);
    CHECK(net.store->axes()[0]->widths() > declared + 10);
    CHECK(net.description.widths.size() == 1);  // checkpoints keep the declared table
    std::set<int> drawn;
    for (int batch = 0; batch < 100; ++batch) {
      const std::vector<PlannedPass> passes = policy.passes(0, batch);
      REQUIRE(passes.size() == 4);
      CHECK(passes[0].select.width == 0);
      CHECK(passes[1].select.width == 1);
      CHECK_FALSE(passes[0].statistics_momentum);
      for (std::size_t i = 1; i < 4; ++i) CHECK(passes[i].statistics_momentum == 0.0);
      for (std::size_t i = 2; i < 4; ++i) drawn.insert(passes[i].select.width);
    }
    CHECK(drawn.size() > 10);
    CHECK(*drawn.begin() > 1);
  }
}

TEST_CASE("selection policy: incremental widths and sequential exits share the epochs") {
  Net net = slimmable({0.25, 0.5, 1.0}, WidthStatistics::switchable);
  const DynamicPolicy growing(net, {.width_training = "incremental"}, 1, 7);
  std::vector<int> rows;
  for (int epoch = 0; epoch < 7; ++epoch) {
    CHECK(growing.passes(epoch, 0).size() == 1);
    rows.push_back(growing.passes(epoch, 0)[0].select.width);
  }
  CHECK(rows == std::vector<int>{2, 2, 2, 1, 1, 0, 0});
  NetDescription d = default_description("resnet20");
  d.exits = {2, 5};
  Net exits = build_net(d);
  const DynamicPolicy sequential(exits, {.exit_order = "sequential"}, 1, 3);
  for (int epoch = 0; epoch < 3; ++epoch) CHECK(sequential.passes(epoch, 0)[0].select == only_exit(exits, epoch));
}

TEST_CASE("selection policy: exits of weight 0 do not run") {
  NetDescription d = default_description("resnet20");
  d.exits = {2, 5};
  Net net = build_net(d);
  const DynamicPolicy policy(net, {.exit_weights = "1,0,0"}, 1, 3);
  CHECK(policy.passes(0, 0)[0].select == only_exit(net, 0));
  const DynamicPolicy annealed(net, {.anneal_exits = 2}, 1, 4);
  CHECK(annealed.passes(0, 0)[0].select == Selection{});
  CHECK(annealed.passes(2, 0)[0].select == only_exit(net, 2));
}

TEST_CASE("selection policy: rules that the net cannot follow are refused") {
  NetDescription d = default_description("resnet20");
  Net plain = build_net(d);
  const auto refused = [](Net& net, const DynamicOptions& options, const char* why) {
    CHECK_THROWS_WITH_AS(DynamicPolicy(net, options, 1, 2), doctest::Contains(why), ConfigError);
  };
  refused(plain, {.width_training = "sandwich"}, "has one width");
  refused(plain, {.inplace_distillation = true}, "has one width");
  Net shared = slimmable({0.5, 1.0}, WidthStatistics::shared), three = slimmable({0.25, 0.5, 1.0}, WidthStatistics::switchable);
  refused(shared, {.width_training = "incremental"}, "--batch-norm switchable");
  refused(three, {.width_training = "incremental"}, "at least as many epochs");
}

TEST_CASE("exit weights: rules and lists and annealing") {
  const auto weights = [](const char* text, int exits, std::int64_t epoch = 0, std::int64_t anneal = 0) {
    return exit_weights({.exit_weights = text, .anneal_exits = anneal}, exits, epoch);
  };
  CHECK(weights("equal", 3) == std::vector<double>{1.0, 1.0, 1.0});
  CHECK(weights("decreasing", 2) == std::vector<double>{1.0, 0.3});
  CHECK(weights("decreasing", 3)[1] == doctest::Approx(0.65));
  CHECK(weights("increasing", 2) == std::vector<double>{0.3, 1.0});
  CHECK(weights("decreasing", 1) == std::vector<double>{1.0});
  CHECK(weights("1,0.25", 2) == std::vector<double>{1.0, 0.25});
  CHECK(weights("equal", 2, 1, 4) == std::vector<double>{0.75, 1.0});
  CHECK(weights("equal", 2, 9, 4) == std::vector<double>{0.0, 1.0});
  CHECK_THROWS_WITH_AS(weights("1,2,3", 2), doctest::Contains("3 for a net with 2 exits"), ConfigError);
  CHECK_THROWS_AS(weights("0,0", 2), ConfigError);
  for (const char* text : {"", "1,x", "-1", "nan", "up"}) CHECK_THROWS_AS(check(DynamicOptions{.exit_weights = text}), UsageError);
  CHECK_THROWS_AS(check(DynamicOptions{.width_training = "some"}), UsageError);
  CHECK_THROWS_AS(check(DynamicOptions{.distill_exits = 1.5}), UsageError);
  CHECK_THROWS_AS(check(DynamicOptions{.sandwich = 2}), UsageError);
}

namespace {

// A policy as a program brings it.
class Fixed : public SelectionPolicy {
 public:
  explicit Fixed(std::vector<PlannedPass> passes) : passes_(std::move(passes)) {}
  std::string name() const override { return "fixed"; }
  std::vector<PlannedPass> passes(std::int64_t, std::int64_t) const override { return passes_; }

 private:
  std::vector<PlannedPass> passes_;
};

StepPlan planned(Net& net, std::vector<PlannedPass> passes, const std::string& loss = "softmax") {
  TrainConfig config{.epochs = 2};
  config.dynamic.exit_loss = loss;
  TrainStep step(net, config, std::make_unique<Fixed>(std::move(passes)));
  CHECK(step.policy().name() == "fixed");
  step.begin_epoch(0, 0);
  return step.plan(0, 0, 4);
}

}  // namespace

TEST_CASE("selection policy: a step runs what a program's own policy plans") {
  Net net = slimmable({0.5, 1.0}, WidthStatistics::switchable);
  net.store->allocate(cpu(), DType::f32);
  const std::vector<PlannedPass> pair = {{.select = {.width = 0}}, {.select = {.width = 1}, .taught = true}};
  CHECK(planned(net, pair).passes == pair);
  CHECK_THROWS_WITH_AS(planned(net, {}), "the policy \"fixed\" plans no pass for batch 0 of epoch 0", ConfigError);
  CHECK_THROWS_WITH_AS(planned(net, {pair[1]}), doctest::Contains("the first one teaches"), ConfigError);
  CHECK_THROWS_WITH_AS(planned(net, pair, "squared-hinge"), doctest::Contains("needs probabilities"), ConfigError);
  CHECK(planned(net, {pair[0]}, "squared-hinge").passes.size() == 1);
}

}  // namespace pliant::test
