// Pruning by any method: decides which channels, weights or residual branches of a trained net matter least, and masks the others in
// place. nets/compact.h then takes masked channels and branches really away. Scores (train/pruning/scores.h) meet two rules:
//   per layer   of C channels, int(C (1 - ratio)) with the largest scores stay             Li et al., 2017
//   global      threshold = sorted[int(N ratio)] of all N scores; larger ones stay          Liu et al., 2017
// The global rule is strict: the score at the threshold goes too, so that without ties int(N ratio) + 1 channels go.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "train/device_data.h"
#include "train/pruning/scores.h"

namespace pliant {

struct PruneOptions {
  std::string method = "l1";             // one of prune_methods()
  std::optional<double> ratio;           // in (0, 1): the share that goes of a layer's channels, of all channels, of the weights or of the blocks;
                                         // of those that earlier pruning left
  std::map<std::string, double> ratios;  // the same, in [0, 1), of single axes or the layers that write them; other axes stay whole
  std::optional<bool> global{};          // one threshold over all layers; by default for slimming and magnitude alone
  bool greedy = false;                   // scores of filters leave out what reads channels that are gone by now
  bool streams = false;                  // prune the shared streams of residual and dense nets too
  std::int64_t floor = 0;                // channels that stay in each layer at least; 0: a layer without channels is an error
  double most = 1.0;                     // at most this share of a layer's channels goes
  int round_to = 1;                      // channels that stay are rounded up to a multiple
  bool fold_constants = false;           // what removed channels contributed as constants goes into the next layer where that is exact
  std::uint64_t seed = 1;
  std::optional<std::int64_t> images{};  // of the data, for methods that need some; by default 64 for scores, 1000 for reconstruction
  std::int64_t batch = 128;
};

// l1, l2, random, geometric-median, outgoing, gamma, taylor, change1, change2; slimming; thinet, regression; sss; magnitude.
const std::vector<std::string>& prune_methods();
bool prune_needs_data(const std::string& method);

struct PrunedAxis {
  std::string axis;
  std::int64_t channels = 0;                // there were
  std::vector<std::int32_t> kept;           // positions on the axis as it was, ascending
  std::vector<double> scores;               // of every channel; empty where the method has none
  std::optional<double> threshold;          // of the global rule
};

struct Pruning {
  std::vector<PrunedAxis> axes;             // every axis that the method looked at, in order of declaration
  std::vector<int> removed_blocks;          // newly found
  std::int64_t weights = 0, kept_weights = 0;  // unstructured: filter weights, and those that stay
};

// Masks the net. Throws before it changes anything: UsageError for an unknown method, axis or a ratio outside its range; ConfigError for
// a net that the method cannot prune, and, naming the layer, for a ratio that leaves nothing of it; DataError where images are missing.
Pruning prune(Net& net, const PruneOptions& options, const DeviceData& data);

// The axes that a method prunes where no ratios name others.
std::vector<ChannelGroup> prunable_groups(const Net& net, const PruneOptions& options);

// max |a - b| / max |a| over the logits of all exits for images [N, H, W, C]; infinity where one is not finite.
double largest_difference(const Net& a, const Net& b, const Tensor& images);

}  // namespace pliant
