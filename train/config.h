// Everything that decides what a training run computes, as one value. It is recorded in config.json and in every checkpoint, so
// that a run can be resumed exactly. Names of its JSON fields are those of the command line's flags.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kernels/augment.h"
#include "train/data/dataset.h"
#include "train/dynamic_options.h"
#include "train/optimizer.h"
#include "train/schedule.h"
#include "train/sparsity_options.h"

namespace pliant {

struct TrainConfig {
  std::int64_t epochs = 30;
  std::int64_t batch = 128;
  double rate = 0.1;                       // the schedule's base rate
  Schedule schedule{.kind = ScheduleKind::one_cycle};
  OptimizerOptions optimizer{.momentum = 0.9, .weight_decay = 5e-4, .nesterov = true};
  Augmentation augmentation;
  std::string precision = "f32";           // train/precision.h; optimizer.loss_scale belongs to f16
  double smoothing = 0.0;                  // of the labels
  DynamicOptions dynamic;                  // of nets with several widths, exits or gates
  SparsityOptions sparsity;                // of nets that become sparse while they train
  std::uint64_t seed = 1;
  std::int64_t patience = 0;               // epochs without a better validation accuracy that end the run; 0: never
  bool log_test = false;                   // test figures of every epoch in metrics.csv; never used for choosing
  std::vector<std::string> freeze;         // parameters whose name begins with one of these stay as they are
  std::string initialisation = "he-normal";
  double scale_init = 1.0;                 // where the scales of batch norm start
  std::string init_file;                   // trained weights to start from; empty: none
  DataOptions data;                        // source and threads are not part of the record
};

// The documented recipe of a net: what `pliant train NET` does without flags.
TrainConfig recipe(const std::string& net_name);

// For training on from trained weights: a constant rate for so many epochs, without penalties, growing masks, early stopping and a file to
// start from.
TrainConfig fine_tuning(TrainConfig config, std::int64_t epochs, double rate);

// "crop", "resized-crop", "flip", "jitter", "cutout" joined by commas (crop:4 shifts by up to 4 pixels, resized-crop:0.08 shows at least 8 % of
// the area, jitter:0.4/0.4/0.4/0.1 are brightness, contrast, saturation and hue, cutout:8 cuts 8 x 8), or "none".
Augmentation parse_augmentation(const std::string& text);  // UsageError
std::string augmentation_text(const Augmentation& augmentation);

std::string to_json(const TrainConfig& config);
// Throws FileError for text that is not such a record.
TrainConfig config_from_json(const std::string& text);
// Names of the fields in which two records differ.
std::vector<std::string> differing_fields(const TrainConfig& a, const TrainConfig& b);

}  // namespace pliant
