#include "train/layer_sensitivity.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "nets/compact.h"
#include "train/pruning/keep.h"

namespace pliant {

namespace {

// Values and buffers as they were, put back after each training.
class Snapshot {
 public:
  explicit Snapshot(Net& net) : net_(net), values_(net.store->values().clone()), buffers_(net.store->buffers().clone()) {}
  void restore() const {
    net_.store->values().copy_from(values_);
    net_.store->buffers().copy_from(buffers_);
  }

 private:
  Net& net_;
  Tensor values_, buffers_;
};

std::vector<double> ranks_of(const std::vector<double>& values) {
  std::vector<std::size_t> order(values.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return values[a] < values[b]; });
  std::vector<double> ranks(values.size());
  for (std::size_t first = 0; first < order.size();) {
    std::size_t end = first;
    while (end < order.size() && values[order[end]] == values[order[first]]) ++end;
    for (std::size_t i = first; i < end; ++i) ranks[order[i]] = 0.5 * static_cast<double>(first + end - 1);
    first = end;
  }
  return ranks;
}

std::vector<double> normalised(const std::vector<double>& scores, const std::vector<std::int32_t>& channels) {
  std::vector<double> norms;
  for (const std::int32_t channel : channels) norms.push_back(scores[static_cast<std::size_t>(channel)]);
  std::sort(norms.rbegin(), norms.rend());
  const double largest = norms.front();
  for (double& norm : norms) norm = largest > 0.0 ? norm / largest : 0.0;
  return norms;
}

std::vector<ChannelGroup> own_groups(const Net& net) {
  std::vector<ChannelGroup> groups = channel_groups(net);
  std::erase_if(groups, [](const ChannelGroup& group) {
    return !group.internal() || !group.fixed.empty() || group.writers.empty() || kept_channels(*group.axis).size() < 2;
  });
  PLIANT_REQUIRE(ConfigError, !groups.empty(), net.description.name, ": has no layer whose channels are its own and could be pruned alone");
  return groups;
}

}  // namespace

std::optional<double> rank_correlation(const std::vector<double>& a, const std::vector<double>& b) {
  PLIANT_REQUIRE(ConfigError, a.size() == b.size(), "rank correlation of ", a.size(), " with ", b.size(), " values");
  if (a.size() < 2) return std::nullopt;
  const std::vector<double> x = ranks_of(a), y = ranks_of(b);
  const double mean = 0.5 * static_cast<double>(a.size() - 1);
  double xy = 0.0, xx = 0.0, yy = 0.0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    xy += (x[i] - mean) * (y[i] - mean);
    xx += (x[i] - mean) * (x[i] - mean);
    yy += (y[i] - mean) * (y[i] - mean);
  }
  if (xx == 0.0 || yy == 0.0) return std::nullopt;
  return xy / std::sqrt(xx * yy);
}

LayerSensitivity measure_layers(Net& net, const DeviceData& data, const DeviceData& training_data, const LayerSensitivityOptions& options) {
  PLIANT_REQUIRE(UsageError, !options.ratios.empty(), "sensitivity: no ratio was given");
  for (const double ratio : options.ratios) PLIANT_REQUIRE(UsageError, ratio > 0.0 && ratio < 1.0, "a ratio lies between 0 and 1, got ", ratio);
  const std::vector<ChannelGroup> groups = own_groups(net);
  const ChannelScorer by_sum(net, ChannelScore::l1, {}, training_data), by_score(net, options.score, options.scoring, training_data);
  std::vector<std::vector<double>> scores;  // of all layers before anything is masked or trained
  for (const ChannelGroup& group : groups) scores.push_back(by_score.scores(group));
  LayerSensitivity study{.whole = evaluate(net, data, options.batch, options.select).last(), .layers = {}, .rank_correlation = {}};
  const Snapshot before(net);
  std::vector<double> flatness, losses;
  for (std::size_t g = 0; g < groups.size(); ++g) {
    const ChannelGroup& group = groups[g];
    const std::vector<std::int32_t> channels = kept_channels(*group.axis);
    LayerCurve curve{.layer = group.writers[0].layer, .channels = static_cast<std::int64_t>(channels.size())};
    curve.norms = normalised(by_sum.scores(group), channels);
    curve.flatness = std::accumulate(curve.norms.begin(), curve.norms.end(), 0.0) / static_cast<double>(channels.size());
    for (const double ratio : options.ratios) {
      const std::int64_t count = kept_count(curve.channels, ratio, {.floor = 1});
      keep_channels(net.store->context(), net.store->dtype(), *group.axis, best_channels(scores[g], channels, count));
      if (options.retrain) options.retrain(net, curve.layer, ratio);
      curve.points.push_back({ratio, count, evaluate(net, data, options.batch, options.select).last()});
      curve.loss_of_accuracy += (study.whole.accuracy - curve.points.back().figures.accuracy) / static_cast<double>(options.ratios.size());
      if (options.retrain) before.restore();
      keep_channels(net.store->context(), net.store->dtype(), *group.axis, channels);
    }
    flatness.push_back(curve.flatness);
    losses.push_back(curve.loss_of_accuracy);
    study.layers.push_back(std::move(curve));
  }
  study.rank_correlation = rank_correlation(flatness, losses);
  return study;
}

}  // namespace pliant
