// What a checkpoint holds of a run besides tensors, and how a run goes on from it.
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/trainer.h"

namespace pliant {

std::string Trainer::state_text() const {
  nlohmann::ordered_json json;
  json["config"] = nlohmann::ordered_json::parse(to_json(config_));
  json["policy"] = step_.policy().name();
  json["epoch"] = state_.epoch;
  json["batch"] = state_.batch;
  json["loss_sum"] = state_.loss_sum;
  json["correct"] = state_.correct;
  json["top5"] = state_.top5;
  json["samples"] = state_.samples;
  json["optimizer_steps"] = step_.optimizer().steps();
  const StepCounts counts = step_.counts();
  json["counted_steps"] = counts.steps;
  json["open_blocks"] = counts.open_blocks;
  json["gradient_sums"] = counts.gradient_sums;
  json["best_epoch"] = state_.best.best_epoch;
  if (state_.best.best_epoch > 0) json["best_accuracy"] = state_.best.best;
  json["schedule_state"] = rate_.state_text();
  return json_text(json);
}

void Trainer::restore(const std::string& text, const std::vector<OptimizerArena>& arenas) {
  const auto json = parse_json(text, "training state");
  PLIANT_REQUIRE(FileError, json.is_object(), "training state: not a JSON object");
  State state;
  std::int64_t optimizer_steps = 0;
  StepCounts counts;
  std::string policy;
  try {
    policy = json_field<std::string>(json, "policy", "dynamic");  // files that are older than other policies do not name it
    state.epoch = json_field<std::int64_t>(json, "epoch");
    state.batch = json_field<std::int64_t>(json, "batch");
    state.loss_sum = json_field<double>(json, "loss_sum");
    state.correct = json_field<std::int64_t>(json, "correct");
    state.top5 = json_field<std::int64_t>(json, "top5");
    state.samples = json_field<std::int64_t>(json, "samples");
    optimizer_steps = json_field<std::int64_t>(json, "optimizer_steps");
    counts.steps = json_field<std::int64_t>(json, "counted_steps");
    counts.open_blocks = json_field<std::int64_t>(json, "open_blocks");
    counts.gradient_sums = json_field<std::vector<double>>(json, "gradient_sums");
    state.best.best_epoch = json_field<std::int64_t>(json, "best_epoch");
    if (state.best.best_epoch > 0) state.best.best = json_field<double>(json, "best_accuracy");
    state.best.patience = config_.patience;
    rate_.restore_state(json_field<std::string>(json, "schedule_state"));
  } catch (const FileError& error) {
    throw FileError(cat("training state: ", error.what()));
  }
  PLIANT_REQUIRE(FileError, policy == step_.policy().name(), "training state: of the policy \"", policy, "\", this run has \"",
                 step_.policy().name(), "\"");
  PLIANT_REQUIRE(FileError, state.epoch >= 0 && state.epoch <= config_.epochs && state.batch >= 0 && state.batch <= length_.steps_per_epoch,
                 "training state: epoch ", state.epoch, ", batch ", state.batch, " of ", config_.epochs, " epochs with ",
                 length_.steps_per_epoch, " batches; is this the same data set?");
  PLIANT_REQUIRE(FileError, optimizer_steps >= 0, "training state: ", optimizer_steps, " steps of the optimizer");
  step_.set_counts(counts);
  step_.optimizer().restore(arenas);
  step_.optimizer().set_steps(optimizer_steps);
  state_ = state;
  push_sums();
}

}  // namespace pliant
