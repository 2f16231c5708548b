// The results of an experiment over its seeds, as one table and one figure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/compare/engine.h"
#include "train/compare/statistics.h"
#include "train/report/svg_chart.h"
#include "train/report/table.h"

namespace pliant {

struct ComparedRow {
  std::string run;
  double width = 1.0;
  int exit = 0;
  std::vector<double> accuracies;       // by seed; best epoch by validation, measured once on the test part
  Summary accuracy;
  std::optional<double> improvement;    // of the mean test error, relative to that of the run's reference
  double seconds = 0.0;                 // of training the whole run, mean over the seeds
  double epoch_seconds = 0.0;           // of its median epoch, mean over the seeds
  std::optional<double> time_saved;     // share of the epoch_seconds of the run's time_reference
  double parameters = 0.0, macs = 0.0;  // of this row alone, mean over the seeds
  double effective_macs = 0.0;          // without masked weights
  double training_macs = 0.0;           // of training the whole run, were this its only row; mean over the seeds
  std::vector<std::int64_t> epochs;     // by seed
  std::optional<Summary> start;         // of a prepared run: accuracies of the nets that it began with
};

// Rows in the order of the runs, within a run as it measured them. A run without results has no row. Throws ConfigError where two
// seeds of a run measured different rows.
std::vector<ComparedRow> compare(const Experiment& experiment, const std::vector<SeedResult>& results);

// Accuracy, deviation, error, improvement and time_saved are fractions.
Table comparison_table(const std::vector<ComparedRow>& rows);
// An error bar of one deviation where there are several seeds; runs of one series are one curve.
enum class ChartOf : std::uint8_t { accuracy_over_macs, accuracy_over_parameters, error_over_parameters };
Chart comparison_chart(const Experiment& experiment, const std::vector<ComparedRow>& rows, ChartOf what = ChartOf::accuracy_over_macs);
// One line: comparison, data, seeds, rows (the table's, with accuracies), left_out.
std::string comparison_json(const Experiment& experiment, const std::vector<std::uint64_t>& seeds, const std::vector<ComparedRow>& rows);
// The table, and what was left out.
std::string comparison_text(const Experiment& experiment, const std::vector<ComparedRow>& rows);

// comparison.txt, .csv, .json and .svg. Error if one cannot be written.
void write_report(const std::string& folder, const std::string& text, const Table& table, const std::string& json, const Chart& chart);
void write_comparison(const std::string& folder, const Experiment& experiment, const std::vector<std::uint64_t>& seeds,
                      const std::vector<ComparedRow>& rows);

}  // namespace pliant
