#include "train/schedule.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <sstream>

#include "core/check.h"
#include "train/files/text.h"

namespace pliant {
namespace {

double between(double from, double to, double share) { return from + (to - from) * share; }

double cosine_between(double from, double to, double share) {
  return to + (from - to) / 2 * (1 + std::cos(std::numbers::pi * share));
}

// The two phases of OneCycleLR (Smith and Topin, "Super-convergence", 2018): up to the base rate, down far below the
// first rate. The ends are PyTorch's: the peak is at step pct_start * total - 1, the lowest rate at the last step.
double one_cycle_rate(const Schedule& schedule, double base, double step, double total) {
  const auto anneal = schedule.linear_anneal ? between : cosine_between;
  const double first = base / schedule.div_factor;
  const double last = first / schedule.final_div_factor;
  const double peak = schedule.pct_start * total - 1;
  if (step <= peak) return peak > 0 ? anneal(first, base, step / peak) : base;
  return anneal(base, last, (step - peak) / (total - 1 - peak));
}

// In epochs. Papers cut a share of the epochs down to whole ones: half of 243 is 121. Within the first epoch that would be no training
// at the base rate at all.
double place_of(const Milestone& milestone, const TrainingLength& length) {
  if (!milestone.percent) return milestone.value;
  const double place = milestone.value * static_cast<double>(length.epochs) / 100;
  return place < 1 ? place : std::floor(place);
}

std::int64_t drops_before(const Schedule& schedule, double epoch, const TrainingLength& length) {
  const auto passed = [&](const Milestone& milestone) { return epoch >= place_of(milestone, length); };
  return std::count_if(schedule.milestones.begin(), schedule.milestones.end(), passed);
}

double rate_without_warmup(const Schedule& schedule, double base, std::int64_t step, const TrainingLength& length) {
  const auto total = static_cast<double>(length.epochs * length.steps_per_epoch);
  const auto now = static_cast<double>(step);
  const double epoch = now / static_cast<double>(length.steps_per_epoch);
  switch (schedule.kind) {
    case ScheduleKind::constant:
    case ScheduleKind::plateau: return base;
    case ScheduleKind::step: return base * std::pow(schedule.gamma, std::floor(epoch / schedule.size));
    case ScheduleKind::multi_step:
      return base * std::pow(schedule.gamma, static_cast<double>(drops_before(schedule, epoch, length)));
    case ScheduleKind::exponential: return base * std::pow(schedule.gamma, std::floor(epoch));
    case ScheduleKind::cosine: return cosine_between(base, schedule.minimum, now / total);
    case ScheduleKind::linear: return base * between(1, schedule.end_factor, now / total);
    case ScheduleKind::one_cycle: return one_cycle_rate(schedule, base, now, total);
  }
  return base;
}

}  // namespace

double warmup_factor(const Schedule& schedule, std::int64_t step, const TrainingLength& length) {
  const double steps = schedule.warmup * static_cast<double>(length.steps_per_epoch);
  const auto now = static_cast<double>(step);
  return now < steps ? between(schedule.warmup_start, 1, now / steps) : 1;
}

double scheduled_rate(const Schedule& schedule, double base, std::int64_t step, const TrainingLength& length) {
  PLIANT_INVARIANT(step >= 0 && step < length.epochs * length.steps_per_epoch, "step ", step, " of ", length.epochs,
                   " epochs of ", length.steps_per_epoch);
  return rate_without_warmup(schedule, base, step, length) * warmup_factor(schedule, step, length);
}

LearningRate::LearningRate(Schedule schedule, double base, TrainingLength length)
    : schedule_(std::move(schedule)), base_(base), length_(length) {
  PLIANT_REQUIRE(ConfigError, base > 0 && std::isfinite(base), "the learning rate must be above 0, got ", base);
  PLIANT_REQUIRE(ConfigError, length.epochs > 0 && length.steps_per_epoch > 0,
                 "a schedule needs at least one step, got ", length.epochs, " epochs of ",
                 length.steps_per_epoch, " steps");
}

double LearningRate::at(std::int64_t step) const {
  if (plateau_.rate < 0) return scheduled_rate(schedule_, base_, step, length_);
  return plateau_.rate * warmup_factor(schedule_, step, length_);
}

void LearningRate::end_epoch(double validation_loss, double validation_accuracy) {
  if (schedule_.kind != ScheduleKind::plateau) return;
  const double value = schedule_.watch_accuracy ? validation_accuracy : validation_loss;
  const bool improved = schedule_.watch_accuracy ? value > plateau_.best * (1 + schedule_.threshold)
                                                 : value < plateau_.best * (1 - schedule_.threshold);
  const bool better = improved || (std::isnan(plateau_.best) && !std::isnan(value));
  if (better) plateau_.best = value;
  plateau_.bad_epochs = better ? 0 : plateau_.bad_epochs + 1;
  if (plateau_.cooldown_left > 0) {
    --plateau_.cooldown_left;
    plateau_.bad_epochs = 0;
  }
  if (static_cast<double>(plateau_.bad_epochs) <= schedule_.patience) return;
  const double old_rate = plateau_.rate < 0 ? base_ : plateau_.rate;
  const double new_rate = std::max(old_rate * schedule_.factor, schedule_.minimum);
  if (old_rate - new_rate > 1e-8) plateau_.rate = new_rate;  // PyTorch's eps
  plateau_.cooldown_left = static_cast<std::int64_t>(schedule_.cooldown);
  plateau_.bad_epochs = 0;
}

std::string LearningRate::state_text() const {
  return cat(number_text(plateau_.rate), ' ', number_text(plateau_.best), ' ', plateau_.bad_epochs, ' ',
             plateau_.cooldown_left);
}

void LearningRate::restore_state(std::string_view text) {
  std::istringstream words{std::string(text)};
  std::array<std::string, 4> word;
  for (std::string& w : word) words >> w;
  std::string more;
  const auto rate = parse_number<double>(word[0]);
  const auto best = parse_number<double>(word[1]);
  const auto bad_epochs = parse_number<std::int64_t>(word[2]);
  const auto cooldown_left = parse_number<std::int64_t>(word[3]);
  const bool counts = bad_epochs && cooldown_left && *bad_epochs >= 0 && *cooldown_left >= 0;
  const bool good = rate && best && counts && !(words >> more);
  PLIANT_REQUIRE(FileError, good, "the saved state of the learning rate is ", in_quotes(text),
                 ", expected four numbers (rate, best, bad epochs, cooldown)");
  plateau_ = {*rate, *best, *bad_epochs, *cooldown_left};
}

}  // namespace pliant
