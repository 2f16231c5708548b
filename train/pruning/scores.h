// How much each channel of an axis matters, by one of several rules: larger is more important. Any score meets any way of choosing how
// many stay (train/pruning/prune.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "nets/graph.h"
#include "train/device_data.h"

namespace pliant {

// For a channel j with filter W_j (of the layer that writes it):
enum class ChannelScore : std::uint8_t {
  l1,                // sum |W_j|                                                     Li et al., 2017, section 3.1
  l2,                // sqrt(sum W_j^2)                                               He et al., "Soft filter pruning", 2018
  random,
  geometric_median,  // sum over k of |W_j - W_k|                                     He et al., "FPGM", 2019, eq. 4
  outgoing,          // sum |W| over what the next layers read from the channel
  gamma,             // |scale| of its batch norm                                     Liu et al., "Network slimming", 2017
  taylor,            // |sum of activation times gradient|, of the mean loss          Molchanov et al., 2017, eq. 8
  change1,           // measured: root mean square change of the next layer's output without the channel
  change2            // the same two layers on
};
const std::vector<std::string>& score_names();
bool is_score_name(const std::string& name);
ChannelScore parse_score(const std::string& name);  // UsageError that lists the names
bool needs_data(ChannelScore score);                // taylor, change1, change2

struct ScoreOptions {
  bool greedy = false;      // weights that read channels which are masked by now do not count (Li et al., 2017, section 3.2)
  std::uint64_t seed = 1;   // of random scores
  std::int64_t images = 64;  // of the data, for scores that need it
};

class ChannelScorer {
 public:
  // Throws DataError where a score needs data and there is none.
  ChannelScorer(Net& net, ChannelScore score, const ScoreOptions& options, const DeviceData& data);

  // One value per channel of the group. Of a stream, which several layers write, the layers on its identity path decide: the projection
  // or the stem; where there is none, the sum over all. ConfigError that names the axis where the score does not apply.
  std::vector<double> scores(const ChannelGroup& group) const;

 private:
  std::vector<double> of_writers(const ChannelGroup& group) const;
  std::vector<double> of_norms(const ChannelGroup& group) const;
  std::vector<double> outgoing(const ChannelGroup& group) const;
  std::vector<double> taylor(const ChannelGroup& group) const;
  std::vector<double> change(const ChannelGroup& group, int layers) const;
  void add_filter_scores(const ChannelWriter& writer, std::vector<double>& sums) const;
  void collect_gradients(const DeviceData& data);

  Net& net_;
  ChannelScore score_;
  ScoreOptions options_;
  std::vector<ChannelGroup> groups_;
  std::map<std::string, std::vector<double>> gradients_;  // taylor: of every parameter
  Tensor images_;                                         // change1, change2
};

// The layers that decide about a stream, or all writers of an axis that is none.
std::vector<const ChannelWriter*> deciding_writers(const ChannelGroup& group);

}  // namespace pliant
