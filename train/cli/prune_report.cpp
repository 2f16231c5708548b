#include "train/cli/prune_report.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "nets/compact.h"
#include "nets/json.h"
#include "train/report/table.h"

namespace pliant::cli {

namespace {

using Json = nlohmann::ordered_json;

std::int64_t masked_weights(const Net& net) {
  std::int64_t zeros = 0;
  for (const Parameter& parameter : net.store->parameters()) {
    if (!parameter.mask) continue;
    for (const double value : parameter.mask.to_doubles()) zeros += value == 0.0;
  }
  return zeros;
}

Table table_of(const PruneReport& report) {
  using Format = Table::Format;
  const bool accuracy = std::any_of(report.rows.begin(), report.rows.end(), [](const PruneRow& row) { return row.accuracy.has_value(); });
  std::vector<Table::Column> columns = {{"net", Format::text}};
  if (accuracy) columns.push_back({"accuracy", Format::percent});
  for (const char* name : {"parameters", "nonzero", "macs"}) columns.push_back({name, Format::integer});
  for (const char* name : {"median_ms", "p90_ms"}) columns.push_back({name, Format::milliseconds});
  Table table(std::move(columns));
  for (const PruneRow& row : report.rows) {
    Table::Row cells = {row.net};
    if (accuracy) cells.emplace_back(row.accuracy);
    for (const std::int64_t count : {row.parameters, row.nonzero, row.macs}) cells.emplace_back(count);
    cells.emplace_back(row.time ? Table::Cell(row.time->median_ms) : Table::Cell());
    cells.emplace_back(row.time ? Table::Cell(row.time->p90_ms) : Table::Cell());
    table.add_row(std::move(cells));
  }
  return table;
}

Json figures_of(const PruneRow& row) {
  Json json = {{"parameters", row.parameters}, {"macs", row.macs}, {"nonzero", row.nonzero}};
  if (row.accuracy) json["accuracy"] = *row.accuracy;
  if (row.time) {
    json["median_ms"] = row.time->median_ms;
    json["p90_ms"] = row.time->p90_ms;
  }
  return json;
}

const PruneRow* find(const PruneReport& report, const std::string& name) {
  for (const PruneRow& row : report.rows) {
    if (row.net == name) return &row;
  }
  return nullptr;
}

}  // namespace

PruneRow prune_row(const std::string& name, const Net& net) {
  const NetCost total = cost(net);
  const Net left = compact(net);
  return {name, total.parameters, total.macs, cost(left).parameters - masked_weights(left), {}, {}};
}

std::string to_json(const PruneReport& report) {
  Json json;
  json["method"] = report.options.method;
  if (report.options.ratio) json["ratio"] = *report.options.ratio;
  json["before"] = figures_of(*find(report, "before"));
  json["after"] = figures_of(*find(report, "removed"));
  json["masked"] = figures_of(*find(report, "masked"));
  if (const PruneRow* tuned = find(report, "fine-tuned")) json["fine_tuned"] = figures_of(*tuned);
  json["largest_difference"] = report.largest_difference;
  if (report.constants_difference) json["constants_difference"] = *report.constants_difference;
  json["kept"] = Json::object();
  for (const auto& [axis, channels] : report.kept) json["kept"][axis] = channels;
  json["removed_blocks"] = report.removed_blocks;
  if (report.pruning.weights > 0) json["weights"] = {{"total", report.pruning.weights}, {"kept", report.pruning.kept_weights}};
  for (const PrunedAxis& axis : report.pruning.axes) {
    if (axis.threshold) json["threshold"] = *axis.threshold;
  }
  json["time_batch"] = report.time_batch;
  json["checkpoint"] = report.checkpoint.empty() ? Json() : Json(report.checkpoint);
  return json_text(json);
}

std::string to_text(const PruneReport& report) {
  std::ostringstream text;
  using Format = Table::Format;
  if (!report.pruning.axes.empty()) {
    Table axes({{"layer", Format::text}, {"channels", Format::integer}, {"kept", Format::integer}, {"share", Format::percent}});
    for (const PrunedAxis& axis : report.pruning.axes) {
      axes.add_row({axis.axis, axis.channels, axis.kept.size(), static_cast<double>(axis.kept.size()) / static_cast<double>(axis.channels)});
    }
    text << axes.text() << "\n";
    if (report.pruning.axes[0].threshold) text << "threshold " << *report.pruning.axes[0].threshold << " over all layers\n";
  }
  if (report.pruning.weights > 0) text << report.pruning.kept_weights << " of " << report.pruning.weights << " filter weights stay\n";
  if (!report.removed_blocks.empty()) {
    text << "blocks without a branch:";
    for (const int block : report.removed_blocks) text << " " << block;
    text << "\n";
  }
  text << "largest difference of the logits, masked against removed: " << report.largest_difference << " relative\n";
  if (report.constants_difference) {
    text << "against the net that keeps the constants of its zero filters: " << *report.constants_difference << " relative\n";
  }
  text << "\n" << table_of(report).text() << "times: one batch of " << report.time_batch << "\n";
  return text.str();
}

std::string explain_text(const Net& net, const Pruning& pruning, const std::string& layer) {
  const std::vector<ChannelGroup> groups = channel_groups(net);
  const ChannelGroup& group = group_of(groups, layer);
  std::ostringstream text;
  text << "axis " << group.axis->name() << ": " << group.axis->size() << " channels\n";
  text << "each costs " << group.macs_per_channel_written() << " multiply-accumulates where it is written and " << group.macs_per_channel_read()
       << " where it is read:";
  for (const ChannelReader& reader : group.readers) text << " " << reader.layer;
  text << "\n";
  const auto found = std::find_if(pruning.axes.begin(), pruning.axes.end(), [&](const PrunedAxis& axis) { return axis.axis == group.axis->name(); });
  if (found == pruning.axes.end()) {
    text << (group.fixed.empty() ? "the method leaves this layer whole\n" : "its channels stay: " + group.fixed + "\n");
    return text.str();
  }
  if (found->threshold) text << "threshold " << *found->threshold << ": channels above it stay\n";
  text << found->kept.size() << " stay\n\n";
  using Format = Table::Format;
  Table table({{"channel", Format::integer}, {"score", Format::number}, {"kept", Format::text}});
  std::vector<std::int32_t> order(static_cast<std::size_t>(found->channels));
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = static_cast<std::int32_t>(i);
  const std::vector<double>& scores = found->scores;
  if (!scores.empty()) {
    const auto larger = [&](std::int32_t a, std::int32_t b) { return scores[static_cast<std::size_t>(a)] > scores[static_cast<std::size_t>(b)]; };
    std::stable_sort(order.begin(), order.end(), larger);
  }
  for (const std::int32_t channel : order) {
    const bool kept = std::binary_search(found->kept.begin(), found->kept.end(), channel);
    table.add_row({channel, scores.empty() ? Table::Cell() : Table::Cell(scores[static_cast<std::size_t>(channel)]), kept ? "yes" : "no"});
  }
  text << table.text();
  return text.str();
}

}  // namespace pliant::cli
