#include "train/compare/pruning_report.h"

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/check.h"
#include "nets/json.h"
#include "nets/zoo.h"
#include "train/checkpoint.h"
#include "train/compare/pruning_runs.h"
#include "train/files/atomic_file.h"

namespace pliant {

namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kCounted = "training MACs are 3 x forward MACs x images x epochs; masked weights are computed and count";

double mean_epochs(const ComparedRow& row) {
  return static_cast<double>(std::accumulate(row.epochs.begin(), row.epochs.end(), std::int64_t{0})) / static_cast<double>(row.epochs.size());
}

bool is_big(const std::string& run) { return run == "unpruned" || run == "sparse"; }

const PruningColumn* find_column(const PruningReport& report, const std::string& run) {
  const auto found = std::find_if(report.columns.begin(), report.columns.end(), [&](const PruningColumn& column) { return column.row.run == run; });
  return found == report.columns.end() ? nullptr : &*found;
}

Json json_of(const PruningColumn& column) {
  const ComparedRow& row = column.row;
  const double epochs = mean_epochs(row);
  Json json = {{"mean", row.accuracy.mean}, {"std", nullptr}, {"runs", row.accuracies}, {"epochs", epochs}, {"epochs_by_seed", row.epochs},
               {"before", nullptr}};
  if (epochs == std::floor(epochs)) json["epochs"] = static_cast<std::int64_t>(epochs);
  if (row.accuracy.deviation) json["std"] = *row.accuracy.deviation;
  if (row.start && !row.run.starts_with("scratch")) json["before"] = row.start->mean;
  json["parameters"] = row.parameters;
  json["macs"] = row.macs;
  json["effective_macs"] = row.effective_macs;
  json["training_macs"] = row.training_macs;
  json["training_macs_with_big"] = column.training_macs_with_big;
  json["seconds"] = row.seconds;
  json["seconds_with_big"] = column.seconds_with_big;
  return json;
}

std::vector<std::pair<std::string, std::vector<KernelPattern>>> pattern_lines(const std::vector<KeptStructure>& kept) {
  std::vector<std::pair<std::string, std::vector<KernelPattern>>> lines;
  for (const KeptStructure& structure : kept) {
    if (!structure.patterns.empty()) lines.emplace_back(structure.architecture, structure.patterns);
  }
  return lines;
}

bool has_3x3(const std::vector<KeptStructure>& kept) {
  return std::any_of(kept.begin(), kept.end(), [](const KeptStructure& structure) {
    return std::any_of(structure.patterns.begin(), structure.patterns.end(), [](const KernelPattern& p) { return p.rows == 3 && p.columns == 3; });
  });
}

}  // namespace

std::vector<PruningColumn> pruning_columns(const PruningComparison& what, const std::vector<ComparedRow>& rows) {
  const auto big = std::find_if(rows.begin(), rows.end(), [&](const ComparedRow& row) { return row.run == pruned_run(what); });
  PLIANT_REQUIRE(ConfigError, big != rows.end(), "pruning: there is no result of the run ", pruned_run(what));
  std::vector<PruningColumn> columns;
  for (const ComparedRow& row : rows) {
    const bool alone = is_big(row.run);
    columns.push_back({row, row.seconds + (alone ? 0.0 : big->seconds), row.training_macs + (alone ? 0.0 : big->training_macs)});
  }
  return columns;
}

Table pruning_table(const std::vector<PruningColumn>& columns) {
  using Format = Table::Format;
  Table table({{"run"},
               {"seeds", Format::integer},
               {"accuracy", Format::percent},
               {"deviation", Format::percent},
               {"before", Format::percent},
               {"epochs", Format::number},
               {"parameters", Format::integer},
               {"macs", Format::integer},
               {"effective_macs", Format::integer},
               {"training_macs", Format::number},
               {"training_macs_with_big", Format::number},
               {"seconds", Format::number},
               {"seconds_with_big", Format::number}});
  for (const PruningColumn& column : columns) {
    const ComparedRow& row = column.row;
    Table::Cell before;
    if (row.start && !row.run.starts_with("scratch")) before = row.start->mean;
    table.add_row({row.run, row.accuracy.count, row.accuracy.mean, row.accuracy.deviation, before, mean_epochs(row), row.parameters, row.macs,
                   row.effective_macs, row.training_macs, column.training_macs_with_big, row.seconds, column.seconds_with_big});
  }
  return table;
}

std::vector<KeptStructure> kept_structures(Context& context, const std::string& out, const PruningComparison& what,
                                           const std::vector<std::uint64_t>& seeds) {
  std::vector<KeptStructure> all;
  for (const std::string& name : architecture_names(what)) {
    std::vector<LoadedNet> loaded;
    for (const std::uint64_t seed : seeds) loaded.push_back(load_checkpoint(context, checkpoints_of(out, "finetuned-" + name, seed).start));
    std::vector<const Net*> nets;
    for (const LoadedNet& one : loaded) nets.push_back(&one.net);
    KeptStructure& structure = all.emplace_back(KeptStructure{name, {}, {}});
    if (is_unstructured(what.prune.method)) {
      structure.patterns = mean_patterns(nets);
    } else {
      structure.channels = kept_rows(nets);
    }
  }
  return all;
}

std::string pruning_json(const PruningReport& report) {
  Json json = {{"comparison", report.experiment.name}, {"net", report.experiment.runs.front().net.name}, {"data", report.experiment.data},
               {"seeds", report.seeds}, {"method", report.what.prune.method}, {"budget", report.what.budget}, {"counted", kCounted}};
  const auto add = [&](Json& place, const std::string& key, const std::string& run) {
    if (const PruningColumn* column = find_column(report, run)) place[key] = json_of(*column);
  };
  add(json, "unpruned", "unpruned");
  add(json, "sparse", "sparse");
  Json architectures = Json::array(), kept = Json::object();
  for (const std::string& name : architecture_names(report.what)) {
    Json entry = {{"architecture", name}};
    for (const char* column : {"finetuned", "scratch_e", "scratch_b"}) {
      add(entry, column, cat(column, "-", name));
      if (architectures.empty()) json[column] = entry.at(column);
    }
    architectures.push_back(std::move(entry));
  }
  json["architectures"] = std::move(architectures);
  for (const KeptStructure& structure : report.kept) {
    if (!structure.channels.empty()) kept[structure.architecture] = Json::parse(kept_table(structure.channels).json());
  }
  json["kept"] = std::move(kept);
  json["patterns"] = Json::parse(pattern_table(pattern_lines(report.kept)).json());
  return json_text(json);
}

std::string pruning_text(const PruningReport& report) {
  std::string text = pruning_table(report.columns).text();
  text += cat("Scratch-B has the budget of the big net counted by ", report.what.budget, "; ", kCounted, "\n");
  if (is_unstructured(report.what.prune.method) && report.what.budget != "effective") {
    text += "masks make nothing smaller by this count: Scratch-B has the epochs of Scratch-E; --budget effective counts the weights that are left\n";
  }
  for (const KeptStructure& structure : report.kept) {
    if (!structure.channels.empty()) text += cat("\nkept channels, ", structure.architecture, "\n", kept_table(structure.channels).text());
  }
  const auto lines = pattern_lines(report.kept);
  if (!lines.empty()) text += "\nkept weights by position\n" + pattern_table(lines).text();
  return text;
}

void write_pruning_report(const std::string& folder, const PruningReport& report) {
  const auto file = [&](const std::string& name) { return (std::filesystem::path(folder) / name).string(); };
  std::vector<ComparedRow> rows;
  for (const PruningColumn& column : report.columns) rows.push_back(column.row);
  write_report(folder, pruning_text(report), pruning_table(report.columns), pruning_json(report),
               comparison_chart(report.experiment, rows, ChartOf::accuracy_over_parameters));
  const std::string net = report.experiment.runs.front().net.name;
  for (const KeptStructure& structure : report.kept) {
    if (structure.channels.empty()) continue;
    const std::string title = cat(net, ": channels kept by ", report.what.prune.method, " ", structure.architecture);
    kept_chart(title, structure.channels, false).write(file(cat("kept-", structure.architecture, ".svg")));
    kept_chart(title, structure.channels, true).write(file(cat("kept-", structure.architecture, "-stages.svg")));
  }
  if (!has_3x3(report.kept)) return;
  write_file_atomically(file("patterns.svg"), pattern_svg(cat(net, ": share of kept weights at each position of 3x3 kernels"), pattern_lines(report.kept),
                                                          stage_names(stages_of(build_net(report.experiment.runs.front().net)))));
}

}  // namespace pliant
