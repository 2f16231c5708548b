// When a run prunes, and which plans are refused.
#include "train/sparsity_options.h"

#include <doctest/doctest.h>

#include <cmath>

#include "core/check.h"
#include "train/config.h"

namespace pliant::test {

namespace {

// 1000 steps in ten epochs.
constexpr TrainingLength kLength{.steps_per_epoch = 100, .epochs = 10};

}  // namespace

TEST_CASE("sparsity options: nothing is planned without a sparsity and one-shot prunes once") {
  CHECK(pruning_events({}, kLength).empty());
  const std::vector<PruningEvent> once = pruning_events({.fraction = 0.8, .begin = 3}, kLength);
  REQUIRE(once.size() == 1);
  CHECK(once[0] == PruningEvent{300, 0.8, false});
}

TEST_CASE("sparsity options: the gradual schedule is cubic and ends at the sparsity") {
  const std::vector<PruningEvent> events = pruning_events({.fraction = 0.9, .schedule = "gradual", .begin = 2, .end = 6}, kLength);
  REQUIRE(events.size() == 4);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(events[i].step == static_cast<std::int64_t>(300 + 100 * i));
    CHECK_FALSE(events[i].of_remaining);
  }
  CHECK(events[0].fraction == doctest::Approx(0.9 * (1.0 - 27.0 / 64.0)).epsilon(1e-14));
  CHECK(events[1].fraction == doctest::Approx(0.9 * (1.0 - 1.0 / 8.0)).epsilon(1e-14));
  CHECK(events[2].fraction == doctest::Approx(0.9 * (1.0 - 1.0 / 64.0)).epsilon(1e-14));
  CHECK(events[3].fraction == 0.9);
  const std::vector<PruningEvent> steps = pruning_events({.fraction = 0.9, .schedule = "gradual", .begin = 2, .end = 6, .every = "150"}, kLength);
  REQUIRE(steps.size() == 2);  // 350 and 500: a third would come after the end
  CHECK(steps[0].step == 350);
  CHECK(steps[1] == PruningEvent{500, 0.9, false});
}

TEST_CASE("sparsity options: iterative rounds compose to the sparsity") {
  const std::vector<PruningEvent> rounds = pruning_events({.fraction = 0.7, .schedule = "iterative", .begin = 1, .end = 5, .every = "2e"}, kLength);
  REQUIRE(rounds.size() == 3);
  double left = 1.0;
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(rounds[i].step == static_cast<std::int64_t>(100 + 200 * i));
    CHECK(rounds[i].of_remaining);
    CHECK(rounds[i].fraction == rounds[0].fraction);
    left *= 1.0 - rounds[i].fraction;
  }
  CHECK(left == doctest::Approx(0.3).epsilon(1e-14));
  CHECK(pruning_events({.fraction = 0.5, .schedule = "iterative", .begin = 4, .end = 4}, kLength).size() == 1);
}

TEST_CASE("sparsity options: without an end the last pruning comes halfway to the last epoch") {
  CHECK(pruning_events({.fraction = 0.5, .schedule = "gradual", .begin = 2}, kLength).back().step == 600);
  CHECK(pruning_events({.fraction = 0.5, .schedule = "gradual"}, {10, 1}).back().step == 10);
}

TEST_CASE("sparsity options: values out of range are usage errors") {
  const auto refused = [](const SparsityOptions& options, const char* word) { CHECK_THROWS_WITH_AS(check(options), doctest::Contains(word), UsageError); };
  refused({.fraction = 1.0}, "sparsity");
  refused({.fraction = -0.2}, "sparsity");
  refused({.fraction = std::nan("")}, "sparsity");
  refused({.fraction = 0.5, .schedule = "linear"}, "linear");
  refused({.fraction = 0.5, .scope = "net"}, "net");
  refused({.fraction = 0.5, .schedule = "gradual", .begin = 4, .end = 3}, "before");
  refused({.fraction = 0.5, .begin = -1}, "-1");
  refused({.fraction = 0.5, .end = 3}, "sparsity-end");
  refused({.begin = 2}, "--sparsity");
  refused({.soft_pruning = 1.0}, "soft-pruning");
  refused({.fraction = 0.5, .soft_pruning = 0.3}, "choose one");
  refused({.dense_at = 2}, "--sparsity");
  for (const char* every : {"", "e", "0", "0e", "-3", "1.5", "10 ", "epoch", "1ee"}) {
    CAPTURE(every);
    refused({.fraction = 0.5, .every = every}, "sparsity-every");
  }
}

TEST_CASE("sparsity options: plans that do not fit the run are configuration errors") {
  const auto refused = [](const SparsityOptions& options, const char* word) {
    check(options);
    CHECK_THROWS_WITH_AS(pruning_events(options, kLength), doctest::Contains(word), ConfigError);
  };
  refused({.fraction = 0.5, .begin = 10}, "sparsity-begin");
  refused({.fraction = 0.5, .schedule = "gradual", .begin = 2, .end = 11}, "sparsity-end");
  refused({.fraction = 0.5, .schedule = "gradual", .begin = 2, .end = 4, .every = "201"}, "sparsity-every");
  refused({.fraction = 0.5, .begin = 3, .dense_at = 3}, "dense-at");
  refused({.fraction = 0.5, .schedule = "iterative", .begin = 3, .end = 6, .dense_at = 5}, "dense-at");
  refused({.fraction = 0.5, .begin = 3, .dense_at = 10}, "dense-at");
  // Options that nobody has checked are refused as such, and divide by nothing.
  for (const char* every : {"0", "0e", "-1", "", "x"}) {
    CHECK_THROWS_AS(pruning_events({.fraction = 0.5, .schedule = "gradual", .every = every}, {.steps_per_epoch = 10, .epochs = 20}), UsageError);
  }
}

TEST_CASE("sparsity options: the record of a run holds them and older records mean none") {
  TrainConfig config;
  config.sparsity = {.fraction = 0.75, .schedule = "iterative", .begin = 1, .end = 9, .every = "50", .scope = "layer", .dense_at = 12};
  config.scale_init = 0.5;
  const TrainConfig read = config_from_json(to_json(config));
  CHECK(read.sparsity == config.sparsity);
  CHECK(read.scale_init == 0.5);
  CHECK(differing_fields(TrainConfig{}, config) == std::vector<std::string>{"sparsity", "sparsity-schedule", "sparsity-begin", "sparsity-end",
                                                                          "sparsity-every", "sparsity-scope", "dense-at", "scale-init"});
  config.sparsity = {.soft_pruning = 0.3};
  CHECK(config_from_json(to_json(config)).sparsity == config.sparsity);
  config.sparsity = {.fraction = 0.5, .scope = "layer"};
  CHECK(config_from_json(R"({"epochs":1,"batch":2,"lr":0.1,"schedule":"constant","augment":"none","normalisation":"computed"})").sparsity ==
        SparsityOptions{});
  std::string foreign = to_json(config);
  foreign.replace(foreign.find("\"layer\""), 7, "\"world\"");
  CHECK_THROWS_AS(config_from_json(foreign), FileError);
}

TEST_CASE("sparsity options: the recipe of the pruning experiments drops the rate where the papers do") {
  struct Budget {
    std::int64_t epochs, first, second;
  };
  for (const Budget& one :
       {Budget{160, 80, 120}, Budget{178, 89, 133}, Budget{243, 121, 182}, Budget{260, 130, 195}, Budget{220, 110, 165}, Budget{190, 95, 142}}) {
    CAPTURE(one.epochs);
    const TrainingLength length{.steps_per_epoch = 7, .epochs = one.epochs};
    const LearningRate rate(parse_schedule("multi-step:milestones=50%,75%,gamma=0.1"), 0.1, length);
    CHECK(rate.at(7 * one.first - 1) == 0.1);
    CHECK(rate.at(7 * one.first) == doctest::Approx(0.01));
    CHECK(rate.at(7 * one.second - 1) == doctest::Approx(0.01));
    CHECK(rate.at(7 * one.second) == doctest::Approx(0.001));
  }
  const LearningRate imagenet(parse_schedule("step:size=30,gamma=0.1"), 0.1, {7, 90});
  CHECK(imagenet.at(7 * 30 - 1) == 0.1);
  CHECK(imagenet.at(7 * 30) == doctest::Approx(0.01));
  CHECK(imagenet.at(7 * 90 - 1) == doctest::Approx(0.001));
  const LearningRate fine_tuning(parse_schedule("constant"), 0.001, {7, 40});
  CHECK(fine_tuning.at(0) == 0.001);
  CHECK(fine_tuning.at(7 * 40 - 1) == 0.001);
}

}  // namespace pliant::test
