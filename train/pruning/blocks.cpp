#include "train/pruning/blocks.h"

#include <algorithm>

#include "core/memory_ops.h"
#include "kernels/elementwise.h"
#include "nets/compact.h"
#include "nets/graph.h"
#include "nets/zoo.h"

namespace pliant {

std::vector<int> prune_blocks(Net& net, std::optional<double> ratio) {
  std::vector<BlockScale> scales = block_scales(net);
  PLIANT_REQUIRE(ConfigError, !scales.empty(), net.description.name,
                 ": its residual branches have no factors to prune by; train the net with block scales");
  std::stable_sort(scales.begin(), scales.end(), [](const BlockScale& a, const BlockScale& b) { return a.value < b.value; });
  const auto wanted = static_cast<std::size_t>(ratio.value_or(0.0) * static_cast<double>(scales.size()) + 1e-9);
  std::vector<int> gone;
  for (std::size_t i = 0; i < scales.size(); ++i) {
    if (i >= wanted && scales[i].value != 0.0) break;
    Parameter& scale = *scales[i].scale;
    scale.value.zero();
    scale.mask = Tensor::zeros_like(scale.value);
    gone.push_back(scales[i].block);
  }
  std::sort(gone.begin(), gone.end());
  return gone;
}

Net fold_block_scales(const Net& net) {
  const Net compacted = compact(net);
  NetDescription d = compacted.description;
  d.block_scales = false;
  Net folded = build_net(d);
  folded.store->allocate(net.store->context(), net.store->dtype(), net.store->compute_dtype());
  for (Parameter& target : folded.store->parameters()) {
    const Parameter& source = *compacted.store->find(target.name);
    target.value.copy_from(source.value);
    if (source.mask) target.mask = source.mask.clone();
  }
  const auto multiply = [&](const std::string& name, double factor) {
    if (Parameter* parameter = folded.store->find(name)) kernels::scale(parameter->value, factor, parameter->value);
  };
  const std::vector<ChannelGroup> groups = channel_groups(compacted);
  for (const BlockScale& scale : block_scales(compacted)) {
    const std::string block = scale.scale->name.substr(0, scale.scale->name.rfind('.')) + ".";
    for (const ChannelGroup& group : groups) {
      for (const ChannelWriter& writer : group.writers) {
        if (!writer.added || !writer.layer.starts_with(block)) continue;
        const std::string layer = writer.scale ? writer.scale->name.substr(0, writer.scale->name.rfind('.')) : writer.layer;
        multiply(layer + ".weight", scale.value);
        multiply(layer + ".bias", scale.value);
        for (int set = 1; writer.scale && set < d.batch_norm_sets; ++set) {
          multiply(cat(layer, ".set", set, ".weight"), scale.value);
          multiply(cat(layer, ".set", set, ".bias"), scale.value);
        }
      }
    }
  }
  return folded;
}

}  // namespace pliant
