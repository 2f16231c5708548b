// The expected rates were computed with PyTorch 1.13 in double: an SGD optimizer with lr=0.4 and the scheduler named in
// each test, lr read before every optimizer.step(), scheduler.step() after it. Lists are {step, rate}.
#include "train/schedule.h"

#include <doctest/doctest.h>

#include "core/check.h"
#include "train/early_stop.h"

using namespace pliant;

namespace {

struct Point {
  std::int64_t step;
  double rate;
};

void compare(const std::string& text, TrainingLength length, const std::vector<Point>& points) {
  const LearningRate rate(parse_schedule(text), 0.4, length);
  for (const Point& point : points) {
    INFO(text, " step ", point.step);
    CHECK(std::abs(rate.at(point.step) - point.rate) <= 1e-13 * 0.4);
  }
}

std::string refusal(const std::string& text) {
  try {
    parse_schedule(text);
  } catch (const UsageError& error) {
    return error.what();
  }
  return "accepted";
}

}  // namespace

TEST_CASE("schedule: constant keeps the base rate") { compare("constant", {7, 3}, {{0, 0.4}, {20, 0.4}}); }

TEST_CASE("schedule: step equals StepLR") {
  // StepLR(3, gamma=0.5), one step per epoch
  compare("step:size=3,gamma=0.5", {1, 10}, {{0, 0.4}, {2, 0.4}, {4, 0.2}, {6, 0.1}, {8, 0.1}});
  compare("step:size=3,gamma=0.5", {10, 10}, {{29, 0.4}, {30, 0.2}, {59, 0.2}, {60, 0.1}});
}

TEST_CASE("schedule: multi-step equals MultiStepLR") {
  // MultiStepLR([2, 5], gamma=0.1)
  const std::vector<Point> expected{{0, 0.4}, {1, 0.4}, {2, 0.04000000000000001}, {4, 0.04000000000000001},
                                    {5, 0.004000000000000001}, {7, 0.004000000000000001}};
  compare("multi-step:milestones=2,5,gamma=0.1", {1, 8}, expected);
  compare("multi-step:milestones=25%,62.5%", {1, 8}, expected);
  compare("multi-step:milestones=80,120", {391, 160}, {{80 * 391 - 1, 0.4}, {80 * 391, 0.04}, {120 * 391, 0.004}});
  compare("multi-step", {391, 160}, {{80 * 391 - 1, 0.4}, {80 * 391, 0.04}, {120 * 391 - 1, 0.04}, {120 * 391, 0.004}});
}

TEST_CASE("schedule: exponential equals ExponentialLR") {
  compare("exponential:gamma=0.95", {1, 31},
          {{0, 0.4}, {1, 0.38}, {10, 0.23949477569535144}, {30, 0.0858555055771749}});
  compare("exponential", {5, 31}, {{4, 0.4}, {5, 0.38}, {54, 0.23949477569535144}});
}

TEST_CASE("schedule: cosine equals CosineAnnealingLR") {
  // CosineAnnealingLR(T_max=40, eta_min=0.01)
  compare("cosine:minimum=0.01", {10, 4},
          {{0, 0.4}, {1, 0.39939888007796}, {7, 0.37126483204904803}, {20, 0.20500000000000002},
           {33, 0.03873516795095202}, {39, 0.010601119922040048}});
}

TEST_CASE("schedule: linear equals LinearLR") {
  // LinearLR(1.0, 0.05, total_iters=40)
  compare("linear:end_factor=0.05", {10, 4},
          {{0, 0.4}, {1, 0.3905}, {7, 0.33349999999999996}, {20, 0.20999999999999988}, {33, 0.08649999999999997},
           {39, 0.029499999999999995}});
}

TEST_CASE("schedule: one-cycle equals OneCycleLR") {
  // OneCycleLR(0.4, 40, cycle_momentum=False)
  compare("one-cycle", {10, 4},
          {{0, 0.016000000000000014}, {1, 0.023777349066016473}, {5, 0.18067555105152924}, {11, 0.4},
           {12, 0.3987424470088807}, {25, 0.2000008}, {39, 1.6e-06}});
  // the same with pct_start=0.25, div_factor=10, final_div_factor=100, anneal_strategy='linear'
  compare("one-cycle:pct_start=0.25,div_factor=10,final_div_factor=100,anneal=linear", {40, 1},
          {{0, 0.04}, {1, 0.08}, {5, 0.24000000000000005}, {9, 0.4}, {10, 0.38668}, {25, 0.18688000000000002},
           {39, 0.00040000000000001146}});
  compare("one-cycle", {1, 2}, {{0, 0.3246982615799052}, {1, 1.6e-06}});  // OneCycleLR(0.4, 2)
}

TEST_CASE("schedule: one-cycle is finite for every length and share") {
  for (std::int64_t steps = 1; steps <= 12; ++steps) {
    for (const char* share : {"0", "0.1", "0.3", "0.5", "1"}) {
      const LearningRate rate(parse_schedule(std::string("one-cycle:pct_start=") + share), 0.4, {steps, 1});
      for (std::int64_t step = 0; step < steps; ++step) {
        INFO(steps, " ", share, " ", step);
        CHECK(rate.at(step) >= 1.5e-6);
        CHECK(rate.at(step) <= 0.4 * (1 + 1e-12));
      }
    }
  }
}

TEST_CASE("schedule: warm-up multiplies as a chained LinearLR does") {
  // ChainedScheduler([LinearLR(0.1, 1.0, total_iters=8), CosineAnnealingLR(T_max=40)])
  compare("cosine:warmup=2,warmup_start=0.1", {4, 10},
          {{0, 0.04000000000000001}, {1, 0.08486898668365796}, {4, 0.2146162167924669}, {7, 0.32884362917285137},
           {8, 0.3618033988749895}, {20, 0.2}});
  compare("constant:warmup=0.5,warmup_start=0", {4, 1}, {{0, 0}, {1, 0.2}, {2, 0.4}});
}

TEST_CASE("schedule: plateau equals ReduceLROnPlateau and resumes exactly") {
  // ReduceLROnPlateau(factor=0.5, patience=2, cooldown=1, min_lr=0.06): rates after each step(loss)
  const std::vector<double> losses{1.0, 0.9, 0.9, 0.95, 0.89995, 0.92, 0.5, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6, 0.6};
  const std::vector<double> rates{0.4, 0.4, 0.4, 0.4, 0.2, 0.2, 0.2, 0.2, 0.2, 0.1, 0.1, 0.1, 0.1, 0.06, 0.06};
  const Schedule schedule = parse_schedule("plateau:factor=0.5,patience=2,cooldown=1,minimum=0.06");
  LearningRate rate(schedule, 0.4, {3, 20});
  CHECK(rate.at(0) == 0.4);
  for (std::size_t i = 0; i < losses.size(); ++i) {
    rate.end_epoch(losses[i], 0.5);
    CHECK(rate.at(static_cast<std::int64_t>(3 * i + 3)) == doctest::Approx(rates[i]).epsilon(1e-13));
    LearningRate resumed(schedule, 0.4, {3, 20});
    resumed.restore_state(rate.state_text());
    CHECK(resumed.state_text() == rate.state_text());
    rate = resumed;
  }
  // ReduceLROnPlateau(mode='max', factor=0.1, patience=1)
  LearningRate by_accuracy(parse_schedule("plateau:watch=accuracy,patience=1"), 0.4, {1, 20});
  const std::vector<double> expected{0.4, 0.4, 0.4, 0.04, 0.04, 0.04, 0.004, 0.004};
  const std::vector<double> accuracies{0.1, 0.2, 0.2, 0.2, 0.3, 0.3, 0.3, 0.3};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    by_accuracy.end_epoch(1.0, accuracies[i]);
    CHECK(by_accuracy.at(0) == doctest::Approx(expected[i]).epsilon(1e-13));
  }
}

TEST_CASE("schedule: foreign saved states are refused") {
  LearningRate rate(Schedule{}, 0.4, {1, 1});
  for (const char* text : {"", "1 2 3", "1 2 3 4 5", "1 2 3.5 4", "x 2 3 4", "1 2 -3 4"}) {
    CHECK_THROWS_AS(rate.restore_state(text), FileError);
  }
  CHECK_THROWS_AS(LearningRate(Schedule{}, 0, {1, 1}), ConfigError);
  CHECK_THROWS_AS(LearningRate(Schedule{}, 0.1, {0, 1}), ConfigError);
}

TEST_CASE("schedule: text survives a round trip") {
  for (const char* text : {"constant", "step:size=30,gamma=0.1", "multi-step:milestones=80,120,gamma=0.1",
                           "multi-step:milestones=50%,75%,gamma=0.2,warmup=1,warmup_start=0.25",
                           "exponential:gamma=0.95",
                           "cosine:minimum=0.001,warmup=5,warmup_start=0.1", "linear:end_factor=0.05",
                           "one-cycle:pct_start=0.3,div_factor=25,final_div_factor=10000,anneal=cosine",
                           "one-cycle:pct_start=0.2,div_factor=5,final_div_factor=100,anneal=linear",
                           "plateau:factor=0.5,patience=3,threshold=0.01,cooldown=1,minimum=0.001,watch=accuracy"}) {
    CHECK(schedule_text(parse_schedule(text)) == text);
    CHECK(parse_schedule(schedule_text(parse_schedule(text))) == parse_schedule(text));
  }
  CHECK(schedule_text(parse_schedule("one-cycle")) ==
        "one-cycle:pct_start=0.3,div_factor=25,final_div_factor=10000,anneal=cosine");
}

TEST_CASE("schedule: malformed text names the value and what is allowed") {
  CHECK(refusal("cosin") == "--schedule 'cosin': unknown schedule, expected one of constant, step, multi-step, "
                            "exponential, cosine, linear, one-cycle, plateau");
  CHECK(refusal("step:size=0").find("'size=0': expected a number above 0 to 1e+09") != std::string::npos);
  CHECK(refusal("step:gamma=2").find("'gamma=2': expected a number above 0 to 1") != std::string::npos);
  CHECK(refusal("cosine:gamma=0.1").find("cosine has no such key, expected one of minimum, warmup") !=
        std::string::npos);
  CHECK(refusal("plateau:patience=1.5").find("expected a whole number from 0") != std::string::npos);
  CHECK(refusal("one-cycle:anneal=quick").find("expected cosine or linear") != std::string::npos);
  for (const char* text : {"", ":", "step:", "step:size", "step:size=", "step:size=nan", "step:size=inf",
                           "step:size=3x", "step:size= 3", "step:size=3,size=4", "step:size=3,",
                           "multi-step:milestones=",
                           "multi-step:milestones=5,2", "multi-step:milestones=5,5", "multi-step:milestones=120%",
                           "multi-step:milestones=0", "multi-step:milestones=-3", "multi-step:gamma=0.1,5",
                           "constant:warmup=-1", "one-cycle:pct_start=1.5", "Step"}) {
    INFO(text);
    CHECK(refusal(text).find("--schedule") == 0);
  }
}

TEST_CASE("early stop: keeps the first best epoch and ends after the patience") {
  EarlyStop stop{.patience = 2};
  CHECK_FALSE(stop.should_stop(0));  // before the first epoch
  CHECK(stop.observe(1, 0.1));
  CHECK(stop.observe(2, 0.3));
  CHECK_FALSE(stop.observe(3, 0.3));
  CHECK_FALSE(stop.should_stop(3));
  CHECK_FALSE(stop.observe(4, std::numeric_limits<double>::quiet_NaN()));
  CHECK(stop.should_stop(4));
  CHECK(stop.best_epoch == 2);
  CHECK(stop.best == 0.3);
  CHECK_FALSE(EarlyStop{.patience = 1}.should_stop(0));
  CHECK_FALSE(EarlyStop{}.should_stop(1000));
}
