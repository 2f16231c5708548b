#include "train/pruning/pattern.h"

#include <algorithm>
#include <numeric>

#include "core/check.h"
#include "nets/compact.h"
#include "nets/graph.h"
#include "nets/zoo.h"

namespace pliant {

namespace {

std::string layer_of(const Parameter& weight) { return weight.name.substr(0, weight.name.rfind('.')); }

// The net before anything was removed; structure alone.
Net whole_net(const NetDescription& description) {
  NetDescription bare = description;
  bare.kept.clear();
  bare.removed_blocks.clear();
  bare.widths.clear();
  bare.width_ratios.clear();
  bare.batch_norm_sets = 1;
  return build_net(bare);
}

}  // namespace

Stages stages_of(const Net& net) {
  Stages stages;
  const NetCost costs = cost(net);
  for (const LayerCost& row : costs.layers) {
    const Parameter* weight = net.store->find(row.name + ".weight");
    if (row.macs == 0 || !weight || !weight->dims[0].axis) continue;
    const std::string map = row.output.rank() == 4 ? cat(row.output[1], "x", row.output[2]) : "1x1";
    auto found = std::find(stages.maps.begin(), stages.maps.end(), map);
    if (found == stages.maps.end()) found = stages.maps.insert(found, map);
    stages.of_layer[row.name] = static_cast<int>(found - stages.maps.begin());
  }
  for (const ChannelGroup& group : channel_groups(net)) {
    for (const ChannelWriter& writer : group.writers) {
      if (stages.of_layer.contains(writer.layer)) stages.of_axis.emplace(group.axis->name(), stages.of_layer.at(writer.layer));
    }
    for (const ChannelReader& reader : group.readers) {
      if (stages.of_layer.contains(reader.layer)) stages.of_axis.emplace(group.axis->name(), stages.of_layer.at(reader.layer));
    }
    // What only classifiers read lies where the last layer does.
    stages.of_axis.emplace(group.axis->name(), static_cast<int>(stages.maps.size()) - 1);
  }
  return stages;
}

std::vector<std::string> stage_names(const Stages& stages) {
  std::vector<std::string> names;
  for (const std::string& map : stages.maps) names.push_back(cat("stage ", names.size() + 1, " (", map, ")"));
  return names;
}

std::vector<KeptAxis> kept_axes(const Net& net) {
  const Net whole = whole_net(net.description);
  const Stages stages = stages_of(whole);
  std::vector<KeptAxis> axes;
  for (const ChannelGroup& group : channel_groups(whole)) {
    const std::string& name = group.axis->name();
    const ChannelAxis* left = net.store->find_axis(name);  // null: its block was removed
    KeptAxis entry{name, stages.of_axis.at(name), group.axis->stream() != nullptr,
                   left ? static_cast<std::int64_t>(kept_channels(*left).size()) : 0, group.axis->size()};
    const bool removable = group.fixed.empty() && !group.shared;
    if (removable || entry.kept < entry.channels) axes.push_back(std::move(entry));
  }
  return axes;
}

std::vector<KeptRow> kept_rows(std::span<const Net* const> nets) {
  PLIANT_REQUIRE(ConfigError, !nets.empty(), "kept channels: there is no net to count");
  struct Counts {
    int stage;
    bool selection;
    double channels;
    std::vector<double> kept;
    bool whole() const { return std::all_of(kept.begin(), kept.end(), [&](double count) { return count == channels; }); }
  };
  std::vector<std::string> order;  // of the first net that lists an axis
  std::map<std::string, Counts> axes;
  for (std::size_t i = 0; i < nets.size(); ++i) {
    for (const KeptAxis& axis : kept_axes(*nets[i])) {
      const auto [place, fresh] = axes.try_emplace(axis.axis, Counts{axis.stage, axis.selection, static_cast<double>(axis.channels), {}});
      if (fresh) order.push_back(axis.axis);
      PLIANT_REQUIRE(ConfigError, place->second.channels == static_cast<double>(axis.channels), "kept channels: axis ", axis.axis, " has ",
                     place->second.channels, " channels in one net and ", axis.channels, " in another; they are nets of different builders");
      place->second.kept.resize(i, place->second.channels);  // nets that do not list it keep it whole
      place->second.kept.push_back(static_cast<double>(axis.kept));
    }
  }
  PLIANT_REQUIRE(ConfigError, !axes.empty(), nets[0]->description.name, ": it has no channels that can be removed");
  std::vector<KeptRow> rows;
  const std::vector<std::string> names = stage_names(stages_of(whole_net(nets[0]->description)));
  std::vector<Counts> sums(names.size(), Counts{0, false, 0.0, std::vector<double>(nets.size(), 0.0)});
  const auto add = [&](const std::string& name, bool stage, const Counts& counts) {
    std::vector<double> shares = counts.kept;
    for (double& share : shares) share /= counts.channels;
    rows.push_back({name, stage, counts.channels, summarise(counts.kept), summarise(shares)});
  };
  for (const std::string& name : order) {
    Counts& counts = axes.at(name);
    counts.kept.resize(nets.size(), counts.channels);
    if (counts.selection && counts.whole()) continue;
    PLIANT_REQUIRE(ConfigError, counts.stage < static_cast<int>(sums.size()), "kept channels: axis ", name, " lies in stage ", counts.stage + 1,
                   ", and the first net has ", sums.size(), " stages; they are nets of different builders");
    Counts& sum = sums[static_cast<std::size_t>(counts.stage)];
    sum.channels += counts.channels;
    for (std::size_t i = 0; i < nets.size(); ++i) sum.kept[i] += counts.kept[i];
    add(name, false, counts);
  }
  for (std::size_t stage = 0; stage < sums.size(); ++stage) {
    if (sums[stage].channels > 0.0) add(names[stage], true, sums[stage]);
  }
  return rows;
}

Table kept_table(const std::vector<KeptRow>& rows) {
  using Format = Table::Format;
  Table table({{"place"},
               {"of"},
               {"channels", Format::integer},
               {"kept", Format::number},
               {"kept_deviation", Format::number},
               {"share", Format::percent},
               {"share_deviation", Format::percent}});
  for (const KeptRow& row : rows) {
    table.add_row({row.name, row.stage ? "stage" : "axis", row.channels, row.kept.mean, row.kept.deviation, row.share.mean, row.share.deviation});
  }
  return table;
}

Chart kept_chart(const std::string& title, const std::vector<KeptRow>& rows, bool stages) {
  std::vector<std::string> places;
  Chart::Series series{.name = stages ? "" : "kept", .style = Chart::Style::bars}, whole{.name = "all", .style = Chart::Style::bars};
  for (const KeptRow& row : rows) {
    if (row.stage != stages) continue;
    const auto x = static_cast<double>(places.size());
    places.push_back(row.name);
    const double factor = stages ? 100.0 : 1.0;
    const Summary& value = stages ? row.share : row.kept;
    series.points.push_back({.x = x, .y = factor * value.mean, .deviation = factor * value.deviation.value_or(0.0)});
    whole.points.push_back({.x = x, .y = row.channels});
  }
  Chart chart(title, {.label = stages ? "stage" : "axis", .places = places}, {.label = stages ? "kept channels (%)" : "channels"});
  chart.add(std::move(series));
  if (!stages) chart.add(std::move(whole));
  return chart;
}

double KernelPattern::mean() const {
  return std::accumulate(share.begin(), share.end(), 0.0) / static_cast<double>(share.size());
}

std::vector<KernelPattern> kernel_patterns(const Net& net) {
  const Stages stages = stages_of(net);
  std::vector<KernelPattern> patterns;
  for (const Parameter& parameter : net.store->parameters()) {
    if (parameter.role != Role::filter) continue;
    const auto stage = stages.of_layer.find(layer_of(parameter));
    if (stage == stages.of_layer.end()) continue;
    const Shape shape = parameter.shape();
    auto pattern = std::find_if(patterns.begin(), patterns.end(), [&](const KernelPattern& other) {
      return other.stage == stage->second && other.rows == shape[1] && other.columns == shape[2];
    });
    if (pattern == patterns.end()) {
      pattern = patterns.insert(pattern, {stage->second, shape[1], shape[2], std::vector<double>(static_cast<std::size_t>(shape[1] * shape[2]), 0.0)});
    }
    const std::vector<double> values = (parameter.mask ? parameter.mask : parameter.value).to_doubles();
    const auto taps = pattern->share.size(), inputs = static_cast<std::size_t>(shape[3]);
    for (std::size_t i = 0; i < values.size(); ++i) pattern->share[i / inputs % taps] += values[i] != 0.0 ? 1.0 : 0.0;
    pattern->kernels += shape[0] * shape[3];
  }
  for (KernelPattern& pattern : patterns) {
    for (double& share : pattern.share) share /= static_cast<double>(pattern.kernels);
  }
  std::stable_sort(patterns.begin(), patterns.end(), [](const KernelPattern& a, const KernelPattern& b) {
    return a.stage != b.stage ? a.stage < b.stage : a.rows * a.columns < b.rows * b.columns;
  });
  return patterns;
}

std::vector<KernelPattern> mean_patterns(std::span<const Net* const> nets) {
  PLIANT_REQUIRE(ConfigError, !nets.empty(), "kernel patterns: there is no net");
  std::vector<KernelPattern> mean = kernel_patterns(*nets[0]);
  for (std::size_t i = 1; i < nets.size(); ++i) {
    const std::vector<KernelPattern> next = kernel_patterns(*nets[i]);
    const bool alike = std::equal(mean.begin(), mean.end(), next.begin(), next.end(), [](const KernelPattern& a, const KernelPattern& b) {
      return a.stage == b.stage && a.rows == b.rows && a.columns == b.columns;
    });
    PLIANT_REQUIRE(ConfigError, alike, "kernel patterns: ", nets[i]->description.name, " has other stages or kernels than ", nets[0]->description.name);
    for (std::size_t k = 0; k < mean.size(); ++k) {
      for (std::size_t tap = 0; tap < mean[k].share.size(); ++tap) mean[k].share[tap] += next[k].share[tap];
    }
  }
  for (KernelPattern& pattern : mean) {
    for (double& share : pattern.share) share /= static_cast<double>(nets.size());
  }
  return mean;
}

}  // namespace pliant
