#include "train/pruning/reading_layer.h"

#include <algorithm>

namespace pliant {

namespace {

std::string names_of(const std::vector<ChannelReader>& readers) {
  std::string names;
  for (const ChannelReader& reader : readers) names += cat(names.empty() ? "" : " ", reader.layer);
  return names;
}

const ChannelReader& only_reader(const ChannelGroup& group) {
  const std::string& axis = group.axis->name();
  PLIANT_REQUIRE(ConfigError, group.fixed.empty(), "axis ", axis, ": its channels cannot be removed: ", group.fixed);
  PLIANT_REQUIRE(ConfigError, !group.shared || group.axis->stream(), "axis ", axis,
                 ": a sum or a concatenation shares its channels, so that no single layer can make up for their loss; choose the inner axes of "
                 "the blocks or the selections in front of them");
  PLIANT_REQUIRE(ConfigError, group.readers.size() == 1 && group.readers[0].through == group.axis, "axis ", axis,
                 ": exactly one layer must read its channels alone, to be rebuilt; they are read by ",
                 group.readers.empty() ? std::string("none") : names_of(group.readers));
  return group.readers.front();
}

// The batch norm right behind a layer, as the group of its output channels knows it.
void find_norm(const Net& net, const std::vector<ChannelGroup>& groups, ReadingLayer& layer) {
  for (const ChannelGroup& group : groups) {
    for (const ChannelWriter& writer : group.writers) {
      if (writer.layer != layer.name || !writer.scale) continue;
      const std::string norm = writer.scale->name.substr(0, writer.scale->name.rfind('.'));
      layer.scale = writer.scale;
      layer.mean = net.store->find(norm + ".running_mean");
      layer.variance = net.store->find(norm + ".running_var");
    }
  }
}

bool is_sum(const LayerCost& row) { return row.type.starts_with("add"); }

// The residual block in row `sum`, and how its branch counts.
void find_block(const Net& net, const std::vector<LayerCost>& rows, std::size_t sum, ReadingLayer& layer) {
  layer.block = rows[sum].name;
  const NetDescription& d = net.description;
  const auto number = static_cast<std::size_t>(std::count_if(rows.begin(), rows.begin() + static_cast<std::ptrdiff_t>(sum), is_sum));
  if (number < d.survival.size() && !d.scale_in_training) layer.block_factor = d.survival[number];
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.role == Role::block_scale && parameter.name.starts_with(layer.block + ".")) layer.block_factor *= parameter.value.to_doubles()[0];
  }
}

}  // namespace

ReadingLayer reading_layer(const Net& net, const std::vector<ChannelGroup>& groups, const std::string& axis) {
  PLIANT_REQUIRE(ConfigError, net.widths() == 1, "reconstruction rebuilds layers for one width, the net has ", net.widths(),
                 "; extract a width first");
  const ChannelGroup& group = group_of(groups, axis);
  const ChannelReader& reader = only_reader(group);
  ReadingLayer layer{.name = reader.layer, .axis = group.axis, .weight = reader.weight, .bias = net.store->find(reader.layer + ".bias")};
  PLIANT_REQUIRE(ConfigError, !layer.weight->mask, layer.name, ": has masked weights, which reconstruction would bring back; prune channels first");
  find_norm(net, groups, layer);
  const std::vector<LayerCost> rows = cost(net).layers;
  const auto row = std::find_if(rows.begin(), rows.end(), [&](const LayerCost& r) { return r.name == layer.name; });
  PLIANT_INVARIANT(row != rows.end(), layer.name, " has a weight and no cost");
  PLIANT_REQUIRE(ConfigError, row->type == "conv2d" || row->type == "linear", layer.name, ": reconstruction rebuilds full convolutions and linear layers, "
                 "not ", row->type);
  layer.place = static_cast<std::size_t>(row - rows.begin());
  layer.geometry = row->geometry;
  layer.output = row->output.rank() == 4 ? row->output : Shape{1, 1, 1, row->output[-1]};
  const std::size_t behind = layer.place + (layer.scale ? 2 : 1);
  if (behind < rows.size() && is_sum(rows[behind])) find_block(net, rows, behind, layer);
  return layer;
}

}  // namespace pliant
