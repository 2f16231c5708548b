// From a trained net with exits to a table: thresholds chosen on the validation part, then measured on the test part beside
// the trunk without exits, and beside a separately trained net where there is one.
#pragma once

#include <optional>
#include <string>

#include "train/early_exit/measure.h"
#include "train/early_exit/thresholds.h"

namespace pliant {

// One of thresholds, target_accuracy, budget and sweep; without any, the target is the validation accuracy of the last exit.
struct ExitStudyOptions {
  ConfidenceMeasure measure = ConfidenceMeasure::entropy;
  std::vector<double> thresholds;
  std::optional<double> target_accuracy;  // 0..1
  std::optional<double> budget;           // mean MACs; up to 1 a fraction of the trunk's
  bool sweep = false;
  Selection select;
  MeasureOptions timing;
};

struct ExitStudyRow {
  std::vector<double> thresholds;
  Measured measured;                      // samples of the test part really left
  ExitFigures simulated;                  // of the test part, from the cached scores of all exits
  std::optional<ExitFigures> validation;  // likewise of the validation part; what the choice saw
};

struct ExitStudy {
  ConfidenceMeasure measure = ConfidenceMeasure::entropy;
  std::vector<int> exit_numbers;          // the selected exits
  std::vector<std::int64_t> exit_macs;    // up to each exit, earlier heads included
  std::vector<double> exit_accuracies;    // of each exit alone, on the test part
  std::vector<ExitStudyRow> rows;
  Measured full;                          // the trunk without exits
  std::optional<Measured> baseline;
  ExitScores test_scores;                 // of all exits for all samples of the test part
};

// validation may be empty where thresholds are given; else DataError. ConfigError for a net with a single exit, a wrong number of
// thresholds (naming both), and a target or budget that no thresholds meet.
ExitStudy study_exits(const Net& net, const DeviceData& validation, const DeviceData& test, const ExitStudyOptions& options,
                      const std::optional<Contestant>& baseline = {});

std::string to_json(const ExitStudy& study);  // an object without the names of files and data
std::string to_text(const ExitStudy& study);  // a table for people

}  // namespace pliant
