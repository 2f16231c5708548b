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
  std::int64_t parameters = 0, macs = 0;
  bool operator==(const ResultRow&) const = default;
};

struct RowName {  // a row of a run
  std::string run;
  double width = 1.0;
  int exit = 0;
};

struct PlannedRun {
  std::string name;        // and its folder: letters, digits, '.', '-', '_'
  std::string series;      // in the figure's legend; runs may share one
  NetDescription net;
  TrainConfig config;      // its seed gives way to those of the experiment
  std::string start_from;  // an earlier run: the best weights of the same seed are taken where name and shape match; empty: fresh
  // Rows from the best epoch's net and what the trainer measured; not set: all_rows().
  std::function<std::vector<ResultRow>(const Net& best, const TrainResult& result)> measure;
  // The row that a row improves on, if any.
  std::function<std::optional<RowName>(double width, int exit)> reference;
  std::string time_reference;  // the run beside which its time is stated; empty: none
};

struct Experiment {
  std::string name;                   // such as "slimmable"
  std::string data;                   // name and sizes of the data, for people and for telling experiments apart
  std::vector<PlannedRun> runs;
  std::vector<std::string> left_out;  // runs that the net cannot have, and why, one sentence each
};

// Throws ConfigError for an experiment without runs, for a name that is no folder's or is given twice, and for a start_from,
// time_reference or reference of a run that does not come before or does not exist.
void check(const Experiment& experiment);

// Every width and exit that the trainer measured, with what it costs.
std::vector<ResultRow> all_rows(const Net& best, const TrainResult& result);

// What a finished run leaves behind: result.json of its folder.
struct RunResult {
  std::int64_t best_epoch = 0, epochs = 0;
  double seconds = 0.0;        // of training alone, all epochs
  double epoch_seconds = 0.0;  // of one epoch, the median
  std::vector<ResultRow> rows;
  bool operator==(const RunResult&) const = default;
};
std::string to_json(const RunResult& result);
// `path` is for messages. FileError for text that is not such a record.
RunResult run_result_from_json(const std::string& text, const std::string& path);

// What decides the results, without the seeds: a record that tells experiments apart.
std::string to_json(const Experiment& experiment);
// The first field in which two records differ, with both values, as text for a message; nothing where they are the same.
std::optional<std::string> first_difference(const std::string& recorded, const std::string& now);

}  // namespace pliant
