// An experiment as a value: named runs that are trained with the same data and the same seeds, and whose results are set side by
// side. It says what to train and which row stands beside which; train/compare/engine.h trains it.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/trainer.h"

namespace pliant {

// One way to run a trained net, measured on the test part. Costs are for one image.
struct ResultRow {
  double width = 1.0;
  int exit = 0;
  double accuracy = 0.0;  // 0 to 1
  std::int64_t parameters = 0;      // those that masks leave
  std::int64_t macs = 0;            // as they are computed, masked weights included
  std::int64_t effective_macs = 0;  // without masked weights
  bool operator==(const ResultRow&) const = default;
};

struct RowName {  // a row of a run
  std::string run;
  double width = 1.0;
  int exit = 0;
};

// A run that another one is made from, with the same seed, as its checkpoints.
struct FormerRun {
  std::string best;   // of its best epoch
  std::string start;  // of what it began with
};
struct Prepared {     // allocated, with values and masks; the configuration's seed is that of the run
  Net net;
  TrainConfig config;
};
// How the net of a run, and whatever of its configuration depends on that net, are made from an earlier run.
struct Preparation {
  std::string from;   // the earlier run; empty: made from nothing, and FormerRun is empty
  std::string text;   // what make() does, in words and numbers: tells experiments apart
  // Must be deterministic. `config` is the run's, with the seed; `splits` are its data.
  std::function<Prepared(Context& context, const FormerRun& from, const Splits& splits, const TrainConfig& config)> make;
};

struct PlannedRun {
  std::string name;        // and its folder: letters, digits, '.', '-', '_'
  std::string series;      // in the figure's legend; runs may share one
  NetDescription net;      // of a prepared run: of what it is made from
  TrainConfig config;      // its seed gives way to those of the experiment
  std::optional<Preparation> prepared{};  // not set: the net is `net`, initialised
  bool other_data = false;              // it is trained and measured on EngineOptions::other_data
  std::string start_from;  // an earlier run: the best weights of the same seed are taken where name and shape match; empty: fresh
  // Rows from the best epoch's net and what the trainer measured; not set: all_rows().
  std::function<std::vector<ResultRow>(const Net& best, const TrainResult& result)> measure;
  // The row that a row improves on, if any.
  std::function<std::optional<RowName>(double width, int exit)> reference;
  std::string time_reference;  // the run beside which its time is stated; empty: none
  std::string label{};         // beside its points in the figure; empty: width and exit where there are several
};

struct Experiment {
  std::string name;                   // such as "slimmable"
  std::string data;                   // name and sizes of the data, for people and for telling experiments apart
  std::string other_data{};           // of the runs that have other data
  std::vector<PlannedRun> runs{};
  std::vector<std::string> left_out{};  // runs that the net cannot have, and why, one sentence each
};

// Throws ConfigError for an experiment without runs, for a name that is no folder's or is given twice, and for a start_from,
// preparation or time_reference by a run that does not come before or does not exist.
void check(const Experiment& experiment);

// Trainable scalars and MACs of one image, without those that masks of parameters take.
struct EffectiveCost {
  std::int64_t parameters = 0, macs = 0;
};
EffectiveCost effective_cost(const Net& net, const Selection& select = {});

// Every width and exit that the trainer measured, with what it costs.
std::vector<ResultRow> all_rows(const Net& best, const TrainResult& result);

// What a finished run leaves behind: result.json of its folder.
struct RunResult {
  std::int64_t best_epoch = 0, epochs = 0;
  double seconds = 0.0;        // of training alone, all epochs
  double epoch_seconds = 0.0;  // of one epoch, the median
  std::int64_t images = 0;     // of the training part
  std::optional<double> start_accuracy;  // of a prepared run: on the test part, of the net it began with
  std::vector<ResultRow> rows;
  bool operator==(const RunResult&) const = default;
};
// MACs of all epochs: three times forward for each image, once for the outputs, once for the gradients of data, once for those of
// filters. Masked weights are computed too.
double training_macs(const RunResult& result, const ResultRow& row);
std::string to_json(const RunResult& result);
// `path` is for messages. FileError for text that is not such a record.
RunResult run_result_from_json(const std::string& text, const std::string& path);

// What decides the results, without the seeds: a record that tells experiments apart.
std::string to_json(const Experiment& experiment);
// The first field in which two records differ, with both values, as text for a message; nothing where they are the same.
std::optional<std::string> first_difference(const std::string& recorded, const std::string& now);

}  // namespace pliant
