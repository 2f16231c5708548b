#include "train/compare/comparison.h"

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "core/check.h"
#include "nets/json.h"
#include "train/files/atomic_file.h"
#include "train/files/text.h"

namespace pliant {

namespace {

constexpr double kPercent = 100.0;
constexpr double kWideRange = 8.0;  // from this ratio of the largest to the smallest MACs on, the axis is logarithmic

bool same_place(const ResultRow& a, const ResultRow& b) { return a.width == b.width && a.exit == b.exit; }

std::vector<const RunResult*> results_of(const std::string& run, const std::vector<SeedResult>& results) {
  std::vector<const RunResult*> found;
  for (const SeedResult& result : results) {
    if (result.run == run) found.push_back(&result.result);
  }
  return found;
}

template <class Value>
double mean_over(const std::vector<const RunResult*>& seeds, Value&& value) {
  double sum = 0.0;
  for (const RunResult* result : seeds) sum += static_cast<double>(value(*result));
  return sum / static_cast<double>(seeds.size());
}

std::optional<Summary> start_of(const std::vector<const RunResult*>& seeds) {
  std::vector<double> accuracies;
  for (const RunResult* result : seeds) {
    if (result->start_accuracy) accuracies.push_back(*result->start_accuracy);
  }
  return accuracies.empty() ? std::nullopt : std::optional(summarise(accuracies));
}

void add_rows(const PlannedRun& run, const std::vector<const RunResult*>& seeds, std::vector<ComparedRow>& rows) {
  for (std::size_t i = 0; i < seeds.front()->rows.size(); ++i) {
    const ResultRow& first = seeds.front()->rows[i];
    ComparedRow row{.run = run.name, .width = first.width, .exit = first.exit};
    for (const RunResult* result : seeds) {
      PLIANT_REQUIRE(ConfigError, i < result->rows.size() && same_place(first, result->rows[i]), "run ", run.name,
                     ": two seeds measured different rows; remove the folder of the run");
      row.accuracies.push_back(result->rows[i].accuracy);
    }
    row.accuracy = summarise(row.accuracies);
    row.seconds = mean_over(seeds, [](const RunResult& result) { return result.seconds; });
    row.epoch_seconds = mean_over(seeds, [](const RunResult& result) { return result.epoch_seconds; });
    row.parameters = mean_over(seeds, [&](const RunResult& result) { return result.rows[i].parameters; });
    row.macs = mean_over(seeds, [&](const RunResult& result) { return result.rows[i].macs; });
    row.effective_macs = mean_over(seeds, [&](const RunResult& result) { return result.rows[i].effective_macs; });
    row.training_macs = mean_over(seeds, [&](const RunResult& result) { return training_macs(result, result.rows[i]); });
    row.start = start_of(seeds);
    for (const RunResult* result : seeds) row.epochs.push_back(result->epochs);
    rows.push_back(std::move(row));
  }
}

const ComparedRow* find_row(const std::vector<ComparedRow>& rows, const RowName& name) {
  const auto found = std::find_if(rows.begin(), rows.end(), [&](const ComparedRow& row) {
    return row.run == name.run && row.width == name.width && row.exit == name.exit;
  });
  return found == rows.end() ? nullptr : &*found;
}

const PlannedRun& planned(const Experiment& experiment, const std::string& name) {
  return *std::find_if(experiment.runs.begin(), experiment.runs.end(), [&](const PlannedRun& run) { return run.name == name; });
}

void set_beside(const PlannedRun& run, const std::vector<ComparedRow>& rows, ComparedRow& row) {
  if (run.reference) {
    const auto name = run.reference(row.width, row.exit);
    const ComparedRow* reference = name ? find_row(rows, *name) : nullptr;
    if (reference) row.improvement = relative_improvement(1.0 - reference->accuracy.mean, 1.0 - row.accuracy.mean);
  }
  if (run.time_reference.empty()) return;
  const auto reference = std::find_if(rows.begin(), rows.end(), [&](const ComparedRow& other) { return other.run == run.time_reference; });
  if (reference != rows.end() && reference->epoch_seconds > 0.0) row.time_saved = 1.0 - row.epoch_seconds / reference->epoch_seconds;
}

std::string label_of(const std::vector<ComparedRow>& rows, const ComparedRow& row) {
  const bool widths = std::any_of(rows.begin(), rows.end(), [](const ComparedRow& other) { return other.width != 1.0; });
  const bool exits = std::any_of(rows.begin(), rows.end(), [](const ComparedRow& other) { return other.exit != 0; });
  std::string label = widths ? number_text(row.width) : "";
  if (exits) label += cat(widths ? ", " : "", "exit ", row.exit);
  return label;
}

}  // namespace

std::vector<ComparedRow> compare(const Experiment& experiment, const std::vector<SeedResult>& results) {
  std::vector<ComparedRow> rows;
  for (const PlannedRun& run : experiment.runs) {
    const std::vector<const RunResult*> seeds = results_of(run.name, results);
    if (!seeds.empty()) add_rows(run, seeds, rows);
  }
  for (ComparedRow& row : rows) set_beside(planned(experiment, row.run), rows, row);
  return rows;
}

Table comparison_table(const std::vector<ComparedRow>& rows) {
  using Format = Table::Format;
  Table table({{"run"},
               {"width", Format::number},
               {"exit", Format::integer},
               {"seeds", Format::integer},
               {"accuracy", Format::percent},
               {"deviation", Format::percent},
               {"error", Format::percent},
               {"improvement", Format::percent},
               {"seconds", Format::number},
               {"epoch_seconds", Format::number},
               {"time_saved", Format::percent},
               {"parameters", Format::integer},
               {"macs", Format::integer}});
  for (const ComparedRow& row : rows) {
    table.add_row({row.run, row.width, row.exit, row.accuracy.count, row.accuracy.mean, row.accuracy.deviation, 1.0 - row.accuracy.mean,
                   row.improvement, row.seconds, row.epoch_seconds, row.time_saved, row.parameters, row.macs});
  }
  return table;
}

Chart comparison_chart(const Experiment& experiment, const std::vector<ComparedRow>& rows, ChartOf what) {
  PLIANT_REQUIRE(ConfigError, !rows.empty(), experiment.name, ": there is no result to draw");
  const bool macs = what == ChartOf::accuracy_over_macs, error = what == ChartOf::error_over_parameters;
  const auto place = [&](const ComparedRow& row) { return macs ? row.macs : row.parameters; };
  const auto [least, most] =
      std::minmax_element(rows.begin(), rows.end(), [&](const ComparedRow& a, const ComparedRow& b) { return place(a) < place(b); });
  const bool wide = place(*least) > 0.0 && place(*most) >= kWideRange * place(*least);
  Chart chart(experiment.runs.front().net.name + ": " + experiment.name + " (" + experiment.data + ")",
              {.label = macs ? "multiply-accumulates for one image" : "parameters", .logarithmic = wide},
              {.label = error ? "test error (%)" : "test accuracy (%)"});
  std::vector<Chart::Series> all;
  for (const ComparedRow& row : rows) {
    const PlannedRun& run = planned(experiment, row.run);
    auto series = std::find_if(all.begin(), all.end(), [&](const Chart::Series& other) { return other.name == run.series; });
    if (series == all.end()) series = all.insert(all.end(), {.name = run.series});
    series->points.push_back({.x = place(row),
                              .y = kPercent * (error ? 1.0 - row.accuracy.mean : row.accuracy.mean),
                              .deviation = kPercent * row.accuracy.deviation.value_or(0.0),
                              .label = run.label.empty() ? label_of(rows, row) : run.label});
  }
  for (Chart::Series& series : all) {
    std::stable_sort(series.points.begin(), series.points.end(), [](const Chart::Point& a, const Chart::Point& b) { return a.x < b.x; });
    series.style = series.points.size() > 1 ? Chart::Style::line_and_markers : Chart::Style::markers;
    chart.add(std::move(series));
  }
  return chart;
}

std::string comparison_json(const Experiment& experiment, const std::vector<std::uint64_t>& seeds, const std::vector<ComparedRow>& rows) {
  nlohmann::ordered_json json = {{"comparison", experiment.name}, {"net", experiment.runs.front().net.name}, {"data", experiment.data},
                                 {"seeds", seeds}};
  json["rows"] = nlohmann::ordered_json::parse(comparison_table(rows).json());
  for (std::size_t i = 0; i < rows.size(); ++i) json["rows"][i]["accuracies"] = rows[i].accuracies;
  json["left_out"] = experiment.left_out;
  return json_text(json);
}

std::string comparison_text(const Experiment& experiment, const std::vector<ComparedRow>& rows) {
  std::string text = comparison_table(rows).text();
  for (const std::string& line : experiment.left_out) text += "left out: " + line + "\n";
  return text;
}

void write_report(const std::string& folder, const std::string& text, const Table& table, const std::string& json, const Chart& chart) {
  const auto file = [&](const char* name) { return (std::filesystem::path(folder) / name).string(); };
  write_file_atomically(file("comparison.txt"), text);
  write_file_atomically(file("comparison.json"), json + "\n");
  table.write(file("comparison.csv"));
  chart.write(file("comparison.svg"));
}

void write_comparison(const std::string& folder, const Experiment& experiment, const std::vector<std::uint64_t>& seeds,
                      const std::vector<ComparedRow>& rows) {
  write_report(folder, comparison_text(experiment, rows), comparison_table(rows), comparison_json(experiment, seeds, rows),
               comparison_chart(experiment, rows));
}

}  // namespace pliant
