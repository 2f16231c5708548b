#include "train/pruning/guided.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include "core/check.h"
#include "core/name_key.h"
#include "core/rng.h"
#include "nets/graph.h"
#include "nets/zoo.h"

namespace pliant {

namespace {

void require_stages(const std::string& net, std::size_t has, std::size_t given) {
  PLIANT_REQUIRE(ConfigError, has == given, net, ": has ", has, " stages of one map size, the statistics ", given,
                 "; they are transferred stage by stage");
}

using ShareOf = std::function<std::optional<double>(int stage, bool selection)>;

std::int64_t rounded(double share, std::int64_t channels) {
  return std::clamp<std::int64_t>(std::llround(share * static_cast<double>(channels)), 1, channels);
}

NetDescription with_shares(const NetDescription& description, const ShareOf& share_of) {
  PLIANT_REQUIRE(ConfigError, description.kept.empty() && description.widths.empty(), description.name,
                 ": channels of it were already removed; give the whole net");
  const Net net = build_net(description);
  const Stages stages = stages_of(net);
  NetDescription d = description;
  for (const ChannelGroup& group : channel_groups(net)) {
    if (!group.fixed.empty() || group.shared || group.axis->stream()) continue;
    const auto share = share_of(stages.of_axis.at(group.axis->name()), false);
    if (share) d.axis_sizes[group.axis->name()] = rounded(*share, group.axis->size());
  }
  for (const ChannelGroup& group : channel_groups(net)) {
    const bool selects = group.axis->stream() && !group.scales.empty();  // behind batch norm, as slimming prunes it
    const auto share = selects ? share_of(stages.of_axis.at(group.axis->name()), true) : std::nullopt;
    const std::int64_t channels = group.axis->size(), count = share ? rounded(*share, channels) : channels;
    if (count == channels) continue;
    std::vector<std::int32_t>& kept = d.kept[group.axis->name()];
    for (std::int64_t i = 0; i < count; ++i) kept.push_back(static_cast<std::int32_t>(i * channels / count));
  }
  return d;
}

// probability(tap) for each position of the kernel.
void draw_mask(Parameter& filter, const std::vector<double>& probability, std::uint64_t seed) {
  const Shape shape = filter.shape();
  const auto taps = static_cast<std::size_t>(shape[1] * shape[2]), inputs = static_cast<std::size_t>(shape[3]);
  const RandomStream stream(seed, Purpose::init, 1, name_key(filter.name));
  std::vector<double> mask(static_cast<std::size_t>(shape.size()));
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = static_cast<double>(stream.uniform(i)) < probability[i / inputs % taps] ? 1.0 : 0.0;
  const auto most = static_cast<std::size_t>(std::max_element(probability.begin(), probability.end()) - probability.begin());
  if (std::find(mask.begin(), mask.end(), 1.0) == mask.end()) mask[most * inputs] = 1.0;
  Context& context = filter.value.context();
  filter.mask = filter.value.dtype() == DType::f64 ? Tensor::from_host(context, shape, mask)
                                                   : Tensor::from_host(context, shape, std::vector<float>(mask.begin(), mask.end()));
}

}  // namespace

StageShares stage_shares(const Net& pruned) {
  const std::size_t stages = stages_of(pruned).maps.size();  // as many as of the whole net: a removed block leaves its stage's stream
  struct Sum {
    double kept = 0.0, channels = 0.0;
  };
  std::vector<Sum> layers(stages), selections(stages);
  for (const KeptAxis& axis : kept_axes(pruned)) {
    Sum& sum = (axis.selection ? selections : layers)[static_cast<std::size_t>(axis.stage)];
    sum.kept += static_cast<double>(axis.kept);
    sum.channels += static_cast<double>(axis.channels);
  }
  StageShares shares;
  const auto share = [](const Sum& sum) { return sum.channels > 0.0 ? std::optional(sum.kept / sum.channels) : std::nullopt; };
  for (std::size_t i = 0; i < stages; ++i) {
    shares.layers.push_back(share(layers[i]));
    shares.selections.push_back(share(selections[i]));
  }
  return shares;
}

NetDescription with_stage_shares(const NetDescription& net, const StageShares& shares) {
  require_stages(net.name, stages_of(build_net(net)).maps.size(), shares.layers.size());
  return with_shares(net, [&](int stage, bool selection) { return (selection ? shares.selections : shares.layers)[static_cast<std::size_t>(stage)]; });
}

NetDescription with_uniform_share(const NetDescription& net, double share) {
  PLIANT_REQUIRE(ConfigError, share > 0.0 && share <= 1.0, net.name, ": a share of channels lies above 0 and is 1 at most, got ", share);
  return with_shares(net, [&](int, bool) { return std::optional(share); });
}

void mask_by_patterns(Net& net, const std::vector<KernelPattern>& patterns, int stages, std::uint64_t seed) {
  const Stages own = stages_of(net);
  require_stages(net.description.name, own.maps.size(), static_cast<std::size_t>(stages));
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter) continue;
    const auto stage = own.of_layer.find(parameter.name.substr(0, parameter.name.rfind('.')));
    if (stage == own.of_layer.end()) continue;
    const Shape shape = parameter.shape();
    double kept = 0.0, weights = 0.0;
    const KernelPattern* fitting = nullptr;
    for (const KernelPattern& pattern : patterns) {
      if (pattern.stage != stage->second) continue;
      const double size = static_cast<double>(pattern.kernels * pattern.rows * pattern.columns);
      kept += pattern.mean() * size;
      weights += size;
      if (pattern.rows == shape[1] && pattern.columns == shape[2]) fitting = &pattern;
    }
    if (weights == 0.0) continue;
    draw_mask(parameter, fitting ? fitting->share : std::vector<double>(static_cast<std::size_t>(shape[1] * shape[2]), kept / weights), seed);
  }
}

void mask_uniformly(Net& net, double share, std::uint64_t seed) {
  PLIANT_REQUIRE(ConfigError, share > 0.0 && share <= 1.0, net.description.name, ": a share of weights lies above 0 and is 1 at most, got ", share);
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter) continue;
    draw_mask(parameter, std::vector<double>(static_cast<std::size_t>(parameter.shape()[1] * parameter.shape()[2]), share), seed);
  }
}

}  // namespace pliant
