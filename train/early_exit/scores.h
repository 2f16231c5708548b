// What every exit of a net says about every sample of one part of a data set, cached on the host, and what a rule would do
// with it. This is a simulation: all exits ran for all samples. train/early_exit/measure.h lets samples really leave.
#pragma once

#include "nets/early_exit.h"
#include "train/device_data.h"

namespace pliant {

struct ExitScores {
  ConfidenceMeasure measure = ConfidenceMeasure::entropy;
  std::vector<std::vector<double>> scores;                // per selected exit, per sample
  std::vector<std::vector<std::int32_t>> predictions;     // likewise
  std::vector<std::int32_t> labels;                       // for accuracies alone: no decision reads them

  std::size_t exits() const { return scores.size(); }
  std::size_t samples() const { return labels.size(); }
};

// Runs the selected exits on the whole part. DataError where there is no sample.
ExitScores collect_scores(const Net& net, const DeviceData& data, std::int64_t batch_size, const Selection& select, ConfidenceMeasure measure);

struct ExitFigures {
  double accuracy = 0.0;          // 0..1
  std::vector<double> shares;     // of the samples, per selected exit; they add up to 1
  double mean_macs = 0.0;
};

// thresholds: one per exit but the last. costs as exit_costs gives them.
ExitFigures simulate(const ExitScores& scores, const std::vector<double>& thresholds, const std::vector<std::int64_t>& costs);

// From the shares that leave at each exit those that go on behind each exit but the last: ExitRule::staying.
std::vector<double> staying_shares(const std::vector<double>& shares);

// Accuracy of each exit alone, over all samples.
std::vector<double> exit_accuracies(const ExitScores& scores);

}  // namespace pliant
