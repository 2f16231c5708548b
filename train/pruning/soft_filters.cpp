#include "train/pruning/soft_filters.h"

#include <algorithm>
#include <numeric>

#include "nets/compact.h"

namespace pliant {

namespace {

std::int64_t doomed(const ChannelAxis& axis, double share) { return static_cast<std::int64_t>(share * static_cast<double>(axis.size())); }

// The L2 norm, squared, of every filter; negative for channels that are masked.
std::vector<double> energies(const Parameter& filter, const Tensor& mask) {
  const std::vector<double> values = filter.value.to_doubles(), keep = mask ? mask.to_doubles() : std::vector<double>();
  std::vector<double> sums(static_cast<std::size_t>(filter.shape()[0]), 0.0);
  const std::size_t taps = values.size() / sums.size();
  for (std::size_t i = 0; i < values.size(); ++i) sums[i / taps] += values[i] * values[i];
  for (std::size_t k = 0; k < keep.size(); ++k) {
    if (keep[k] == 0.0) sums[k] = -1.0;
  }
  return sums;
}

}  // namespace

std::vector<ChannelGroup> soft_filter_groups(const Net& net, double share) {
  PLIANT_REQUIRE(ConfigError, net.widths() == 1, net.description.name, ": soft filter pruning is for nets of one width, this one has ", net.widths());
  std::vector<ChannelGroup> groups = channel_groups(net);
  std::erase_if(groups, [&](const ChannelGroup& group) {
    return !group.internal() || group.linear || !group.fixed.empty() || group.writers.size() != 1 || group.writers[0].weight->frozen ||
           doomed(*group.axis, share) == 0;
  });
  PLIANT_REQUIRE(ConfigError, !groups.empty(), net.description.name, ": soft filter pruning with a share of ", share,
                 " finds no convolution with channels of its own to take one from");
  return groups;
}

SoftFilterPruning::SoftFilterPruning(Net& net, double share) : net_(net), share_(share) {
  for (const ChannelGroup& group : soft_filter_groups(net, share)) groups_.push_back({group.axis, group.writers[0].weight, group.axis->mask});
}

void SoftFilterPruning::prune() {
  for (Group& group : groups_) {
    if (group.filter->frozen) continue;
    const std::vector<double> sums = energies(*group.filter, group.mask);
    std::vector<std::int32_t> order(sums.size());
    std::iota(order.begin(), order.end(), 0);
    const auto smaller = [&](std::int32_t a, std::int32_t b) { return sums[static_cast<std::size_t>(a)] < sums[static_cast<std::size_t>(b)]; };
    std::stable_sort(order.begin(), order.end(), smaller);
    const std::int64_t masked = std::count(sums.begin(), sums.end(), -1.0);
    const auto gone = static_cast<std::ptrdiff_t>(std::max(doomed(*group.axis, share_), masked));
    for (auto channel = order.begin(); channel != order.begin() + gone; ++channel) group.filter->value.rows(*channel, 1).zero();
    std::vector<std::int32_t> kept(order.begin() + gone, order.end());
    std::sort(kept.begin(), kept.end());
    keep_channels(net_.store->context(), net_.store->dtype(), *group.axis, kept);
  }
}

void SoftFilterPruning::release() {
  for (Group& group : groups_) group.axis->mask = group.mask;
}

}  // namespace pliant
