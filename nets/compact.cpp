#include "nets/compact.h"

#include <algorithm>
#include <numeric>
#include <set>

#include "kernels/pack.h"

namespace pliant {

std::vector<std::int32_t> kept_channels(const ChannelAxis& axis) {
  std::vector<std::int32_t> kept;
  if (!axis.parts().empty()) {
    std::int64_t start = 0;
    for (const ChannelAxis* part : axis.parts()) {
      for (const std::int32_t channel : kept_channels(*part)) kept.push_back(static_cast<std::int32_t>(start + channel));
      start += part->size();
    }
    return kept;
  }
  const std::vector<double> mask = axis.mask ? axis.mask.to_doubles() : std::vector<double>(static_cast<std::size_t>(axis.size()), 1.0);
  const std::vector<std::int32_t> there = axis.stream() ? kept_channels(*axis.stream()) : std::vector<std::int32_t>();
  const std::vector<std::int32_t> positions = axis.stream() ? axis.positions_in_stream() : std::vector<std::int32_t>();
  for (std::size_t i = 0; i < mask.size(); ++i) {
    if (axis.stream() && !std::binary_search(there.begin(), there.end(), positions[i])) continue;
    if (mask[i] != 0.0) kept.push_back(static_cast<std::int32_t>(i));
  }
  return kept;
}

void keep_channels(Context& context, DType dtype, ChannelAxis& axis, const std::vector<std::int32_t>& kept) {
  axis.mask = Tensor();
  if (static_cast<std::int64_t>(kept.size()) == axis.size()) return;
  std::vector<double> mask(static_cast<std::size_t>(axis.size()), 0.0);
  for (const std::int32_t channel : kept) mask[static_cast<std::size_t>(channel)] = 1.0;
  axis.mask = dtype == DType::f64 ? Tensor::from_host(context, {axis.size()}, mask)
                                  : Tensor::from_host(context, {axis.size()}, std::vector<float>(mask.begin(), mask.end()));
}

std::vector<BlockScale> block_scales(const Net& net) {
  const std::vector<int>& removed = net.description.removed_blocks;
  std::vector<BlockScale> scales;
  int block = 0;
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::block_scale) continue;
    while (std::binary_search(removed.begin(), removed.end(), block)) ++block;
    const double mask = parameter.mask ? parameter.mask.to_doubles()[0] : 1.0;
    scales.push_back({block++, &parameter, mask * parameter.value.to_doubles()[0]});
  }
  return scales;
}

namespace {

// Original numbers of the channels that stay.
std::vector<std::int32_t> kept_origins(const ChannelAxis& axis) {
  PLIANT_REQUIRE(ConfigError, axis.parts().empty() || !axis.mask, "axis ", axis.name(),
                 ": a concatenation cannot be masked; mask its parts or a selection of it");
  const std::vector<std::int32_t> origins = axis.origins();
  std::vector<std::int32_t> kept = kept_channels(axis);
  PLIANT_REQUIRE(ConfigError, !kept.empty(), "axis ", axis.name(), ": its mask leaves none of ", axis.size(), " channels; keep at least one");
  for (std::int32_t& channel : kept) channel = origins[static_cast<std::size_t>(channel)];
  return kept;
}

// Blocks whose trained factor is zero: their branches add nothing.
std::vector<int> dead_blocks(const Net& net) {
  std::vector<int> dead = net.description.removed_blocks;
  for (const BlockScale& scale : block_scales(net)) {
    if (scale.value == 0.0) dead.push_back(scale.block);
  }
  std::sort(dead.begin(), dead.end());
  return dead;
}

// Original numbers of the channels that a dimension stores.
std::vector<std::int32_t> stored_origins(const Dim& dim) {
  const std::vector<std::int32_t> origins = dim.axis->origins();
  std::vector<std::int32_t> stored;
  for (const Run& run : dim.axis->runs(dim.width)) stored.insert(stored.end(), origins.begin() + run.first, origins.begin() + run.first + run.count);
  return stored;
}

// For kernels::pack: per dimension the stored positions of `from` that `to` takes; no tensor for a whole dimension.
std::vector<Tensor> indices_of(const Parameter& from, const Parameter& to) {
  std::vector<Tensor> indices(from.dims.size());
  for (std::size_t i = 0; i < from.dims.size(); ++i) {
    if (!from.dims[i].axis || from.dims[i].size == to.dims[i].size) continue;
    const std::vector<std::int32_t> there = stored_origins(from.dims[i]);
    std::vector<std::int32_t> positions;
    for (const std::int32_t channel : stored_origins(to.dims[i])) {
      positions.push_back(static_cast<std::int32_t>(std::lower_bound(there.begin(), there.end(), channel) - there.begin()));
    }
    indices[i] = Tensor::from_host(from.value.context(), {to.dims[i].size}, positions);
  }
  return indices;
}

Tensor packed(const Tensor& whole, const Shape& shape, const std::vector<Tensor>& indices) {
  Tensor part(whole.context(), shape, whole.dtype());
  kernels::pack(whole, indices, part);
  return part;
}

// Rows of the width table: of each axis that is left, how many kept channels lie among the active ones.
std::vector<std::vector<std::int64_t>> remaining_widths(const Net& net, const std::set<std::string>& left) {
  std::vector<std::vector<std::int64_t>> rows;
  for (int width = 1; width < net.widths(); ++width) {
    std::vector<std::int64_t>& row = rows.emplace_back();
    for (const auto& axis : net.store->axes()) {
      if (!axis->plain() || !left.contains(axis->name())) continue;
      const std::vector<std::int32_t> kept = kept_channels(*axis);
      row.push_back(std::lower_bound(kept.begin(), kept.end(), static_cast<std::int32_t>(axis->active(width))) - kept.begin());
      PLIANT_REQUIRE(ConfigError, row.back() >= 1, "axis ", axis->name(), ": its mask keeps none of the ", axis->active(width),
                     " channels of row ", width, " of the width table; keep one of the first ones");
    }
  }
  return rows;
}

}  // namespace

NetDescription compacted_description(const Net& net, const NetBuild& build) {
  NetDescription d = net.description;
  d.removed_blocks = dead_blocks(net);
  NetDescription bare = d;  // whose axes are those that are left once branches are gone
  bare.kept.clear();
  bare.axis_sizes.clear();
  bare.widths.clear();
  bare.width_ratios.clear();
  bare.batch_norm_sets = 1;
  std::set<std::string> left;
  const Net structure = build(bare);
  for (const auto& axis : structure.store->axes()) left.insert(axis->name());
  std::erase_if(d.axis_sizes, [&](const auto& entry) { return !left.contains(entry.first); });
  std::erase_if(d.kept, [&](const auto& entry) { return !left.contains(entry.first); });
  for (const auto& axis : net.store->axes()) {
    if (!left.contains(axis->name())) continue;
    const std::vector<std::int32_t> origins = kept_origins(*axis);  // also refuses a masked concatenation
    const bool changes = axis->mask || d.kept.contains(axis->name());
    if (!axis->parts().empty() || !changes) continue;
    d.kept[axis->name()] = origins;
  }
  if (net.widths() > 1) d.widths = remaining_widths(net, left);
  return d;
}

Net compact(const Net& net, const NetBuild& build) {
  Net smaller = build(compacted_description(net, build));
  smaller.store->allocate(net.store->context(), net.store->dtype(), net.store->compute_dtype());
  for (Parameter& target : smaller.store->parameters()) {
    const Parameter* source = net.store->find(target.name);
    PLIANT_INVARIANT(source, "the smaller net has a parameter ", target.name, " that the masked one lacks");
    const std::vector<Tensor> indices = indices_of(*source, target);
    kernels::pack(source->value, indices, target.value);
    if (source->mask) target.mask = packed(source->mask, target.shape(), indices);
  }
  return smaller;
}

Tensor compact_arena(const Net& net, const Net& smaller, const Tensor& arena) {
  PLIANT_REQUIRE(ConfigError, arena.size() == net.store->values().size(), "an arena of ", arena.size(), " values for a net with ",
                 net.store->values().size());
  Tensor result = Tensor::zeros_like(smaller.store->values());
  for (const Parameter& target : smaller.store->parameters()) {
    if (!target.trainable()) continue;
    const Parameter& source = *net.store->find(target.name);
    Tensor part = result.view(target.offset, target.shape());
    kernels::pack(arena.view(source.offset, source.shape()), indices_of(source, target), part);
  }
  return result;
}

}  // namespace pliant
