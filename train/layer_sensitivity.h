// How sensitive each layer of a trained net is to pruning: one layer at a time loses its least important channels, and the net is
// evaluated without training again, or after a little (Li et al., "Pruning filters for efficient ConvNets", 2017, section 3.2, figure 2).
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "train/evaluate.h"
#include "train/pruning/scores.h"

namespace pliant {

struct LayerSensitivityOptions {
  std::vector<double> ratios;                // each in (0, 1): the share of a layer's channels that goes; at least one stays
  ChannelScore score = ChannelScore::l1;     // the smallest go
  ScoreOptions scoring;
  std::int64_t batch = 128;
  Selection select;                          // what is evaluated
  // Trains the masked net before it is evaluated; not set: it is evaluated as it is.
  std::function<void(Net& net, const std::string& layer, double ratio)> retrain;
};

struct PrunedPoint {
  double ratio = 0.0;
  std::int64_t kept = 0;  // channels
  Figures figures;        // of the last selected exit
};

struct LayerCurve {
  std::string layer;                  // that writes the channels
  std::int64_t channels = 0;
  std::vector<double> norms;          // L1 sums of its filters over the largest of them, descending
  double flatness = 0.0;              // the mean of `norms`: 1 where all filters are alike, near 0 where few are large
  std::vector<PrunedPoint> points;    // in the order of the ratios
  double loss_of_accuracy = 0.0;      // the whole net's accuracy less that of the points, on average
};

struct LayerSensitivity {
  Figures whole;
  std::vector<LayerCurve> layers;
  std::optional<double> rank_correlation;  // of flatness with loss_of_accuracy over the layers
};

// Every layer whose channels are its own: not those of a residual sum or a concatenation, nor those that cannot be removed. A mask that
// the net has already stays, and ratios are of the channels it leaves. The net is unchanged afterwards. training_data: for scores that
// are measured on images. UsageError for a ratio outside (0, 1); ConfigError for a net without such a layer.
LayerSensitivity measure_layers(Net& net, const DeviceData& data, const DeviceData& training_data, const LayerSensitivityOptions& options);

// Spearman's rank correlation: Pearson's of the ranks, where equal values share the mean of their ranks. Nothing for fewer than two
// values, or where all of one list are equal.
std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace pliant
