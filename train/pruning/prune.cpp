#include "train/pruning/prune.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "nets/compact.h"
#include "nets/zoo.h"
#include "train/pruning/blocks.h"
#include "train/pruning/constants.h"
#include "train/pruning/keep.h"
#include "train/pruning/magnitude.h"
#include "train/pruning/reconstruction.h"

namespace pliant {

namespace {

constexpr std::int64_t kScoredImages = 64, kSampledImages = 1000;

KeepLimits limits_of(const PruneOptions& options) { return {options.floor, options.most, options.round_to}; }

std::string score_of(const std::string& method) { return method == "slimming" ? "gamma" : method; }

void check(const PruneOptions& o) {
  std::string known;
  for (const std::string& name : prune_methods()) known += cat(known.empty() ? "" : " ", name);
  const std::vector<std::string>& methods = prune_methods();
  PLIANT_REQUIRE(UsageError, std::find(methods.begin(), methods.end(), o.method) != methods.end(), "there is no method \"", o.method,
                 "\" of pruning; the methods are ", known);
  PLIANT_REQUIRE(UsageError, !o.ratio || (*o.ratio > 0.0 && *o.ratio < 1.0), "a ratio to prune lies between 0 and 1, both excluded; got ", *o.ratio);
  for (const auto& [axis, ratio] : o.ratios) {
    PLIANT_REQUIRE(UsageError, ratio >= 0.0 && ratio < 1.0, "the ratio to prune of ", axis, " is at least 0 and below 1, got ", ratio);
  }
  PLIANT_REQUIRE(UsageError, o.method == "sss" || o.ratio || !o.ratios.empty(), o.method, ": needs a ratio to prune, or ratios of single layers");
  PLIANT_REQUIRE(UsageError, !(o.ratio && !o.ratios.empty()), o.method, ": one ratio for all layers or ratios of single ones, not both");
  PLIANT_REQUIRE(UsageError, o.floor >= 0 && o.most > 0.0 && o.most <= 1.0 && o.round_to >= 1,
                 "limits of a layer: a floor of at least 0, a share in (0, 1] and a multiple of at least 1; got ", o.floor, ", ", o.most, " and ", o.round_to);
  const bool global = o.global.value_or(o.method == "slimming");
  PLIANT_REQUIRE(UsageError, o.method != "magnitude" || o.ratio, "magnitude: takes one ratio for the whole net");
  PLIANT_REQUIRE(UsageError, !global || o.ratio, o.method, ": a global threshold takes one ratio for the whole net");
  PLIANT_REQUIRE(UsageError, !(global && o.greedy), o.method, ": greedy counting goes layer by layer, a global threshold does not");
}

// What is decided about one group; nothing is masked yet.
struct Decision {
  const ChannelGroup* group;
  PrunedAxis axis;
};

Decision undecided(const ChannelGroup& group) { return {&group, {.axis = group.axis->name(), .channels = group.axis->size()}}; }

void require_left(const Net& net, const PrunedAxis& axis, const std::string& why) {
  PLIANT_REQUIRE(ConfigError, !axis.kept.empty(), net.description.name, ": layer ", axis.axis, ": ", why, " leaves none of its ", axis.channels,
                 " channels; prune less, or keep some with a floor per layer");
}

// What keeps are allowed to be for the width table and single layers is compact()'s to say; masks are put on all at once.
void apply(Net& net, const std::vector<Decision>& decisions) {
  for (const Decision& decision : decisions) keep_channels(net.store->context(), net.store->dtype(), *decision.group->axis, decision.axis.kept);
}

double ratio_of(const PruneOptions& options, const ChannelGroup& group, const std::vector<ChannelGroup>& groups) {
  if (options.ratio) return *options.ratio;
  for (const auto& [name, ratio] : options.ratios) {
    if (&group_of(groups, name) == &group) return ratio;
  }
  return 0.0;
}

// Masks that decisions put on while later ones are still being made; taken off again, whatever happens.
class TrialMasks {
 public:
  TrialMasks(Net& net, const std::vector<ChannelGroup>& groups) : net_(net) {
    for (const ChannelGroup& group : groups) before_.emplace_back(group.axis, group.axis->mask);
  }
  ~TrialMasks() {
    for (auto& [axis, mask] : before_) axis->mask = mask;
  }
  TrialMasks(const TrialMasks&) = delete;
  TrialMasks& operator=(const TrialMasks&) = delete;
  void put_on(const Decision& decision) { keep_channels(net_.store->context(), net_.store->dtype(), *decision.group->axis, decision.axis.kept); }

 private:
  Net& net_;
  std::vector<std::pair<ChannelAxis*, Tensor>> before_;
};

// A selection comes after its stream: what that loses is no candidate any more.
std::vector<const ChannelGroup*> streams_first(const std::vector<ChannelGroup>& groups) {
  std::vector<const ChannelGroup*> order;
  for (const bool selections : {false, true}) {
    for (const ChannelGroup& group : groups) {
      if ((group.axis->stream() != nullptr) == selections) order.push_back(&group);
    }
  }
  return order;
}

std::vector<Decision> per_layer(Net& net, const PruneOptions& options, const std::vector<ChannelGroup>& groups, const DeviceData& data) {
  const ChannelScorer scorer(net, parse_score(score_of(options.method)), {options.greedy, options.seed, options.images.value_or(kScoredImages)}, data);
  std::map<const ChannelGroup*, std::vector<double>> scores;
  TrialMasks masks(net, groups);
  for (const ChannelGroup& group : groups) {
    if (!options.greedy) scores[&group] = scorer.scores(group);
  }
  std::vector<Decision> decisions;
  for (const ChannelGroup* group : streams_first(groups)) {
    const double ratio = ratio_of(options, *group, groups);
    if (ratio == 0.0) continue;
    Decision decision = undecided(*group);
    const std::vector<std::int32_t> there = kept_channels(*group->axis);
    decision.axis.scores = options.greedy ? scorer.scores(*group) : std::move(scores[group]);
    decision.axis.kept = best_channels(decision.axis.scores, there, kept_count(static_cast<std::int64_t>(there.size()), ratio, limits_of(options)));
    require_left(net, decision.axis, cat("a ratio of ", ratio));
    masks.put_on(decision);
    decisions.push_back(std::move(decision));
  }
  return decisions;
}

std::vector<Decision> over_all_layers(Net& net, const PruneOptions& options, const std::vector<ChannelGroup>& groups, const DeviceData& data) {
  const ChannelScorer scorer(net, parse_score(score_of(options.method)), {false, options.seed, options.images.value_or(kScoredImages)}, data);
  TrialMasks masks(net, groups);
  std::map<const ChannelGroup*, std::vector<double>> scores;
  std::vector<double> all;
  for (const ChannelGroup& group : groups) {
    scores[&group] = scorer.scores(group);
    for (const std::int32_t channel : kept_channels(*group.axis)) all.push_back(scores[&group][static_cast<std::size_t>(channel)]);
  }
  const double threshold = global_threshold(all, *options.ratio);
  std::vector<Decision> decisions;
  for (const ChannelGroup* group : streams_first(groups)) {
    Decision& decision = decisions.emplace_back(undecided(*group));
    const std::vector<std::int32_t> there = kept_channels(*group->axis);
    decision.axis.scores = std::move(scores[group]);
    const auto above = std::count_if(there.begin(), there.end(), [&](std::int32_t c) { return decision.axis.scores[static_cast<std::size_t>(c)] > threshold; });
    decision.axis.threshold = threshold;
    decision.axis.kept = best_channels(decision.axis.scores, there, limited_count(static_cast<std::int64_t>(there.size()), above, limits_of(options)));
    require_left(net, decision.axis, cat("the threshold ", threshold));
    masks.put_on(decision);
  }
  return decisions;
}

Pruning prune_single_weights(Net& net, const PruneOptions& options) {
  const WeightScope scope = options.global.value_or(true) ? WeightScope::global : WeightScope::layer;
  prune_weights(net, *options.ratio, scope, true);
  const WeightCount count = count_filter_weights(net);
  Pruning result;
  result.weights = count.all;
  result.kept_weights = count.left;
  return result;
}

// How many channels of each group stay is decided here, as for every method; which ones, and new weights, by reconstruction.
Pruning reconstruct(Net& net, const PruneOptions& options, const std::vector<ChannelGroup>& groups, const DeviceData& data) {
  std::vector<AxisRatio> plan;
  for (const ChannelGroup& group : groups) {
    const double ratio = ratio_of(options, group, groups);
    if (ratio == 0.0) continue;
    PrunedAxis axis{.axis = group.axis->name(), .channels = group.axis->size()};
    const std::int64_t count = kept_count(static_cast<std::int64_t>(kept_channels(*group.axis).size()), ratio, limits_of(options));
    axis.kept.resize(static_cast<std::size_t>(count));
    require_left(net, axis, cat("a ratio of ", ratio));
    plan.push_back({.axis = axis.axis, .kept = count});
  }
  const ReconstructionOptions how{.samples = {.images = options.images.value_or(kSampledImages), .seed = options.seed}};
  const Net original = copy_of(net);
  std::vector<ReconstructedAxis> rebuilt;
  try {
    rebuilt = options.method == "thinet" ? prune_thinet(net, data, plan, how) : prune_regression(net, original, data, plan, how);
  } catch (...) {  // at a later layer, where the first ones are changed already
    net.store->values().copy_from(original.store->values());
    net.store->buffers().copy_from(original.store->buffers());
    for (const auto& axis : net.store->axes()) axis->mask = original.store->find_axis(axis->name())->mask;
    throw;
  }
  Pruning result;
  for (const ReconstructedAxis& axis : rebuilt) {
    result.axes.push_back({.axis = axis.axis, .channels = net.store->find_axis(axis.axis)->size(), .kept = {axis.kept.begin(), axis.kept.end()}});
  }
  return result;
}

}  // namespace

const std::vector<std::string>& prune_methods() {
  static const std::vector<std::string> names = [] {
    std::vector<std::string> all = score_names();
    for (const char* name : {"slimming", "thinet", "regression", "sss", "magnitude"}) all.emplace_back(name);
    return all;
  }();
  return names;
}

bool prune_needs_data(const std::string& method) {
  return method == "thinet" || method == "regression" || (is_score_name(method) && needs_data(parse_score(method)));
}

std::vector<ChannelGroup> prunable_groups(const Net& net, const PruneOptions& options) {
  const std::vector<ChannelGroup> all = channel_groups(net);
  std::vector<ChannelGroup> chosen;
  if (!options.ratios.empty()) {
    for (const auto& [name, ratio] : options.ratios) {
      const ChannelGroup& group = group_of(all, name);
      PLIANT_REQUIRE(ConfigError, group.fixed.empty(), net.description.name, ": axis ", group.axis->name(), " keeps its channels: ", group.fixed);
    }
    for (const ChannelGroup& group : all) {
      for (const auto& [name, ratio] : options.ratios) {
        if (&group_of(all, name) != &group) continue;
        chosen.push_back(group);
        break;
      }
    }
    return chosen;
  }
  const bool of_norms = options.method == "gamma" || options.method == "slimming";
  const bool only_linear = std::all_of(all.begin(), all.end(), [](const ChannelGroup& group) { return group.linear || group.axis->stream(); });
  for (const ChannelGroup& group : all) {
    const bool selected = group.axis->stream() && of_norms && !group.scales.empty();
    const bool layer = group.internal() && (!group.linear || only_linear) && (!of_norms || group.writers[0].scale);
    const bool stream = options.streams && group.shared && (!of_norms || !group.scales.empty());
    const bool rebuilt = options.method == "thinet" || options.method == "regression";
    if (rebuilt && group.readers.size() != 1) continue;
    if (group.fixed.empty() && (selected || layer || stream)) chosen.push_back(group);
  }
  PLIANT_REQUIRE(ConfigError, !chosen.empty(), net.description.name, ": has no layer that ", options.method, " can prune",
                 of_norms ? "; it needs batch norm" : "; all its channels belong to shared streams, which are pruned on request alone");
  return chosen;
}

Pruning prune(Net& net, const PruneOptions& options, const DeviceData& data) {
  check(options);
  PLIANT_REQUIRE(DataError, data.size() > 0 || !prune_needs_data(options.method), options.method, ": is measured on images; give some");
  Pruning result;
  if (options.method == "sss") {
    result.removed_blocks = prune_blocks(net, options.ratio);
    return result;
  }
  if (options.method == "magnitude") return prune_single_weights(net, options);
  const std::vector<ChannelGroup> groups = prunable_groups(net, options);
  if (options.method == "thinet" || options.method == "regression") return reconstruct(net, options, groups, data);
  const bool global = options.global.value_or(options.method == "slimming");
  const std::vector<Decision> decisions = global ? over_all_layers(net, options, groups, data) : per_layer(net, options, groups, data);
  if (options.fold_constants) {
    std::map<std::string, std::vector<std::int32_t>> kept;
    for (const Decision& decision : decisions) kept[decision.axis.axis] = decision.axis.kept;
    fold_constants(net, kept);
  }
  apply(net, decisions);
  for (const Decision& decision : decisions) result.axes.push_back(decision.axis);
  return result;
}

double largest_difference(const Net& a, const Net& b, const Tensor& images) {
  const auto logits = [&](const Net& net) {
    Pass pass{.context = net.store->context()};
    std::vector<double> values;
    for (const Var& exit : forward(net, pass, Var{images})) {
      const std::vector<double> of_exit = exit.value.to_doubles();
      values.insert(values.end(), of_exit.begin(), of_exit.end());
    }
    return values;
  };
  const std::vector<double> one = logits(a), other = logits(b);
  double difference = 0.0, size = 0.0;
  for (std::size_t i = 0; i < one.size(); ++i) {
    if (!std::isfinite(one[i]) || !std::isfinite(other[i])) return std::numeric_limits<double>::infinity();
    difference = std::max(difference, std::abs(one[i] - other[i]));
    size = std::max(size, std::abs(one[i]));
  }
  return size > 0.0 ? difference / size : difference;
}

}  // namespace pliant
