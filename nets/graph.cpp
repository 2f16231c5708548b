#include "nets/graph.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "nets/compact.h"
#include "nets/json.h"

namespace pliant {

namespace {

constexpr std::string_view kSelect = ".select", kWeight = ".weight";

std::string layer_of(const Parameter& weight) { return weight.name.substr(0, weight.name.size() - kWeight.size()); }

bool is_layer_weight(const Parameter& parameter) { return parameter.role == Role::filter || parameter.role == Role::weight; }

bool contains(const ChannelAxis& whole, const ChannelAxis& axis) {
  if (&whole == &axis) return true;
  if (whole.stream()) return contains(*whole.stream(), axis);
  return std::any_of(whole.parts().begin(), whole.parts().end(), [&](const ChannelAxis* part) { return contains(*part, axis); });
}

// The rows of cost() in the order in which layers run, and where each layer stands.
class Order {
 public:
  explicit Order(const Net& net) : rows_(cost(net).layers) {
    for (std::size_t i = 0; i < rows_.size(); ++i) place_.emplace(rows_[i].name, i);
  }
  const LayerCost& row(const std::string& layer) const { return rows_[place(layer)]; }
  // The k-th row behind a layer's own; null behind the last one.
  const LayerCost* behind(const std::string& layer, std::size_t k) const {
    const std::size_t index = place(layer) + k;
    return index < rows_.size() ? &rows_[index] : nullptr;
  }

 private:
  std::size_t place(const std::string& layer) const {
    const auto found = place_.find(layer);
    PLIANT_INVARIANT(found != place_.end(), "layer ", layer, " has a weight and no cost");
    return found->second;
  }
  std::vector<LayerCost> rows_;
  std::map<std::string, std::size_t> place_;
};

bool is_depthwise(const Order& order, const Parameter& weight) { return order.row(layer_of(weight)).type == "depthwise conv2d"; }

ChannelWriter writer_of(const Net& net, const Order& order, Parameter& weight) {
  ChannelWriter writer{.layer = layer_of(weight), .weight = &weight};
  writer.macs = order.row(writer.layer).macs;
  const LayerCost* next = order.behind(writer.layer, 1);
  if (!next || !next->type.starts_with("batch norm")) return writer;
  Parameter* scale = net.store->find(next->name + ".weight");
  if (!scale || scale->dims[0].axis != weight.dims[0].axis) return writer;
  writer.scale = scale;
  writer.shift = net.store->find(next->name + ".bias");
  return writer;
}

bool is_added(const Order& order, const ChannelWriter& writer) {
  const LayerCost* next = order.behind(writer.layer, writer.scale ? 2 : 1);
  return next && next->type.starts_with("add");
}

// A local response norm mixes neighbouring channels: without one of them the others change.
std::string mixing_norm(const Order& order, const std::string& layer) {
  for (std::size_t k = 1;; ++k) {
    const LayerCost* next = order.behind(layer, k);
    if (!next || next->macs > 0) return {};
    if (next->type == "local response norm") return next->name;
  }
}

void add_norms(const Net& net, ChannelGroup& group) {
  const std::string& name = group.axis->name();
  for (Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::scale || parameter.name.find(".set") != std::string::npos) continue;
    const bool in_front = group.axis->stream() && name.ends_with(kSelect) &&
                          parameter.name == name.substr(0, name.size() - kSelect.size()) + std::string(kWeight);
    if (parameter.dims[0].axis == group.axis || in_front) group.scales.push_back(&parameter);
  }
}

ChannelGroup group_on(const Net& net, const Order& order, ChannelAxis& axis) {
  ChannelGroup group{.axis = &axis};
  for (Parameter& parameter : net.store->parameters()) {
    if (!is_layer_weight(parameter)) continue;
    const ChannelAxis* read = parameter.dims[3].axis;
    if (read && contains(*read, axis)) {
      group.readers.push_back({layer_of(parameter), &parameter, read, order.row(layer_of(parameter)).macs});
    }
    if (parameter.dims[0].axis != &axis) continue;
    if (is_depthwise(order, parameter)) {
      group.depthwise.push_back(layer_of(parameter));
    } else {
      group.writers.push_back(writer_of(net, order, parameter));
      group.writers.back().added = is_added(order, group.writers.back());
    }
  }
  group.shared = group.writers.size() > 1;
  group.linear = !group.writers.empty();
  for (const ChannelWriter& writer : group.writers) {
    group.shared = group.shared || writer.added;
    group.linear = group.linear && writer.weight->role == Role::weight;
    if (const std::string norm = mixing_norm(order, writer.layer); !norm.empty()) group.fixed = cat("layer ", norm, " mixes neighbouring channels");
  }
  for (const auto& other : net.store->axes()) {
    const auto& parts = other->parts();
    group.shared = group.shared || std::find(parts.begin(), parts.end(), &axis) != parts.end();
  }
  add_norms(net, group);
  return group;
}

}  // namespace

double ChannelGroup::macs_per_channel_written() const {
  double macs = 0.0;
  for (const ChannelWriter& writer : writers) macs += static_cast<double>(writer.macs) / static_cast<double>(writer.weight->dims[0].size);
  return macs;
}

double ChannelGroup::macs_per_channel_read() const {
  double macs = 0.0;
  for (const ChannelReader& reader : readers) macs += static_cast<double>(reader.macs) / static_cast<double>(reader.weight->dims[3].size);
  return macs;
}

std::vector<ChannelGroup> channel_groups(const Net& net) {
  const Order order(net);
  std::vector<ChannelGroup> groups;
  for (const auto& axis : net.store->axes()) {
    if (axis->parts().empty()) groups.push_back(group_on(net, order, *axis));
  }
  return groups;
}

const ChannelGroup& group_of(const std::vector<ChannelGroup>& groups, const std::string& axis_or_layer) {
  std::string known;
  for (const ChannelGroup& group : groups) {
    if (group.axis->name() == axis_or_layer) return group;
    known += cat(known.empty() ? "" : " ", group.axis->name());
  }
  for (const ChannelGroup& group : groups) {
    for (const ChannelWriter& writer : group.writers) {
      if (writer.layer == axis_or_layer) return group;
    }
  }
  throw UsageError(cat("there is no axis or layer \"", axis_or_layer, "\"; the axes are ", known));
}

std::vector<std::int32_t> positions_on(const ChannelAxis& whole, const ChannelAxis& axis) {
  std::vector<std::int32_t> positions(static_cast<std::size_t>(axis.size()));
  if (&whole == &axis) {
    std::iota(positions.begin(), positions.end(), 0);
    return positions;
  }
  if (whole.stream()) {
    const std::vector<std::int32_t> taken = whole.positions_in_stream();
    positions = positions_on(*whole.stream(), axis);
    for (std::int32_t& position : positions) {
      const auto found = std::lower_bound(taken.begin(), taken.end(), position);
      position = found != taken.end() && *found == position ? static_cast<std::int32_t>(found - taken.begin()) : -1;
    }
    return positions;
  }
  std::int64_t start = 0;
  for (const ChannelAxis* part : whole.parts()) {
    if (contains(*part, axis)) {
      positions = positions_on(*part, axis);
      for (std::int32_t& position : positions) position = position < 0 ? -1 : static_cast<std::int32_t>(start + position);
      return positions;
    }
    start += part->size();
  }
  PLIANT_INVARIANT(false, "axis ", axis.name(), " is no part of ", whole.name());
  return {};
}

std::string graph_json(const std::vector<ChannelGroup>& groups) {
  nlohmann::ordered_json json = nlohmann::ordered_json::array();
  for (const ChannelGroup& group : groups) {
    nlohmann::ordered_json entry = {{"axis", group.axis->name()}, {"channels", group.axis->size()}, {"kept", kept_channels(*group.axis).size()},
                                    {"kind", group.kind()}, {"shared", group.shared}};
    if (group.axis->stream()) entry["stream"] = group.axis->stream()->name();
    if (!group.fixed.empty()) entry["fixed"] = group.fixed;
    for (const char* list : {"writers", "readers", "depthwise", "norms"}) entry[list] = nlohmann::ordered_json::array();
    for (const ChannelWriter& writer : group.writers) entry["writers"].push_back(writer.layer);
    for (const ChannelReader& reader : group.readers) entry["readers"].push_back(reader.layer);
    for (const std::string& layer : group.depthwise) entry["depthwise"].push_back(layer);
    for (const Parameter* scale : group.scales) entry["norms"].push_back(layer_of(*scale));
    entry["macs_per_channel"] = {{"written", group.macs_per_channel_written()}, {"read", group.macs_per_channel_read()}};
    json.push_back(std::move(entry));
  }
  return json_text(json);
}

}  // namespace pliant
