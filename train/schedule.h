// Learning-rate schedules as values: a kind, its numbers, a linear warm-up; with their text form for the command line.
// The rate of a step is a pure function of the step, except for "plateau", whose state is a value of its own that a
// checkpoint saves. Momentum is never scheduled (PyTorch's OneCycleLR does so unless cycle_momentum is false).
#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace pliant {

// Named after PyTorch's schedulers, which they equal: StepLR, MultiStepLR and ExponentialLR stepped once per epoch;
// CosineAnnealingLR, LinearLR and OneCycleLR stepped after every batch over the whole run; ReduceLROnPlateau.
enum class ScheduleKind { constant, step, multi_step, exponential, cosine, linear, one_cycle, plateau };

struct Milestone {
  double value = 0;      // in epochs, or in percent of all epochs, cut down to whole epochs where that is one or more
  bool percent = false;
  bool operator==(const Milestone&) const = default;
};

struct Schedule {
  ScheduleKind kind = ScheduleKind::constant;
  double size = 30;                                          // step: epochs between two drops
  std::vector<Milestone> milestones{{50, true}, {75, true}};  // multi-step: where the rate drops
  double gamma = 0.1;               // step, multi-step: factor of a drop; exponential: factor of an epoch
  double minimum = 0;               // cosine: the rate after the last step; plateau: the lowest rate
  double end_factor = 0;            // linear: the rate after the last step as a share of the base rate
  double pct_start = 0.3;           // one-cycle: share of all steps in which the rate rises to the base rate
  double div_factor = 25;           // one-cycle: base rate / first rate
  double final_div_factor = 1e4;    // one-cycle: first rate / last rate
  bool linear_anneal = false;       // one-cycle: straight lines, as in fast CIFAR recipes, instead of half cosines
  double factor = 0.1;              // plateau: factor of a drop
  double patience = 10;             // plateau: epochs without improvement that are still accepted
  double threshold = 1e-4;          // plateau: the relative change that counts as an improvement
  double cooldown = 0;              // plateau: epochs after a drop that are not counted
  bool watch_accuracy = false;      // plateau: watches the validation accuracy instead of the validation loss
  double warmup = 0;                // any: epochs in which a factor rises linearly from warmup_start to 1; it
  double warmup_start = 0.1;        //      multiplies the schedule, which runs on below (as ChainedScheduler does)
  bool operator==(const Schedule&) const = default;
};

struct TrainingLength {
  std::int64_t steps_per_epoch = 1;
  std::int64_t epochs = 1;
};

// The factor of the warm-up at a step, 1 after it and without one.
double warmup_factor(const Schedule& schedule, std::int64_t step, const TrainingLength& length);

// The rate of a step in [0, epochs * steps_per_epoch), warm-up included; for plateau the rate before any drop.
double scheduled_rate(const Schedule& schedule, double base, std::int64_t step, const TrainingLength& length);

// "one-cycle", "multi-step:milestones=80,120,gamma=0.1", "cosine:minimum=0.001,warmup=5,warmup_start=0.1". Numbers that
// are not given keep their defaults (exponential: gamma=0.95). UsageError that names the value and what is allowed.
Schedule parse_schedule(std::string_view text);
// All numbers of the kind; parse_schedule(schedule_text(s)) == s for every schedule that a text can name.
std::string schedule_text(const Schedule& schedule);

// What reduce-on-plateau has seen so far.
struct PlateauState {
  double rate = -1;  // negative before the first drop
  double best = std::numeric_limits<double>::quiet_NaN();
  std::int64_t bad_epochs = 0;
  std::int64_t cooldown_left = 0;
};

// A schedule at work in one training run.
class LearningRate {
 public:
  LearningRate(Schedule schedule, double base, TrainingLength length);

  const Schedule& schedule() const { return schedule_; }
  double at(std::int64_t step) const;
  // Once after every epoch with its validation figures; changes something for plateau alone.
  void end_epoch(double validation_loss, double validation_accuracy);

  // What a checkpoint holds besides the schedule's text; restoring it continues exactly. FileError for foreign text.
  std::string state_text() const;
  void restore_state(std::string_view text);

 private:
  Schedule schedule_;
  double base_;
  TrainingLength length_;
  PlateauState plateau_;
};

}  // namespace pliant
