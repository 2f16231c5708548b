#include <CLI/CLI.hpp>
#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <iostream>
#include <memory>

#include "core/check.h"
#include "train/cli/common.h"
#include "train/cli/verbs.h"
#include "train/files/text.h"
#include "train/report/csv_file.h"
#include "train/report/svg_chart.h"

namespace pliant::cli {

namespace {

namespace fs = std::filesystem;

struct PlotFlags {
  std::vector<std::string> runs, metrics;
  std::string output, title;
  bool layers = false;
};

// What one argument stands for.
struct Run {
  std::string path;                // as given
  std::string name;                // in the legend
  std::vector<std::string> files;  // where its columns are looked for, in this order
};

std::vector<std::string> csv_files_in(const fs::path& folder) {
  std::vector<std::string> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".csv" && entry.is_regular_file()) files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end(), [](const std::string& a, const std::string& b) {
    const bool a_first = fs::path(a).filename() == "metrics.csv", b_first = fs::path(b).filename() == "metrics.csv";
    return a_first != b_first ? a_first : a < b;
  });
  return files;
}

Run run_at(const std::string& path) {
  std::error_code ignored;
  const bool is_folder = fs::is_directory(path, ignored);
  PLIANT_REQUIRE(FileError, is_folder || fs::is_regular_file(path, ignored), path, ": no such run folder or CSV file");
  const fs::path whole = fs::canonical(path);
  if (!is_folder) return {path, (whole.parent_path().filename() / fs::path(path).filename()).string(), {path}};
  Run run{path, whole.filename().string(), csv_files_in(path)};
  PLIANT_REQUIRE(FileError, !run.files.empty(), path, ": holds no metrics.csv; is it the folder of a run (pliant train --out)?");
  return run;
}

// By the folders' names; by the arguments where two names are equal.
std::vector<Run> runs_at(const std::vector<std::string>& paths) {
  std::vector<Run> runs;
  for (const std::string& path : paths) runs.push_back(run_at(path));
  bool equal = false;
  for (std::size_t i = 0; i < runs.size(); ++i) {
    for (std::size_t j = 0; j < i; ++j) equal = equal || runs[i].name == runs[j].name;
  }
  for (Run& run : runs) {
    if (equal) run.name = run.path;
  }
  return runs;
}

// A column against the epoch; rows with an empty field are left out.
std::vector<Chart::Point> points_of(const CsvFile& file, std::size_t column) {
  const std::size_t epoch_column = file.find("epoch").value();
  std::vector<Chart::Point> points;
  double last = -1;
  for (std::size_t row = 0; row < file.size(); ++row) {
    const auto epoch = file.number(row, epoch_column);
    PLIANT_REQUIRE(FileError, epoch && *epoch > last, file.place(row), ": the epochs do not increase");
    last = *epoch;
    if (const auto value = file.number(row, column)) points.push_back({.x = *epoch, .y = *value});
  }
  return points;
}

// From the first file of the run that has both the column and `epoch`; nothing where none has, the columns there are added to seen.
std::optional<std::vector<Chart::Point>> find_metric(const Run& run, const std::string& metric, std::vector<std::string>& seen) {
  for (const std::string& path : run.files) {
    const CsvFile file(path);
    if (!file.find("epoch")) continue;
    if (const auto column = file.find(metric)) return points_of(file, *column);
    for (const std::string& name : file.columns()) {
      if (name != "epoch" && std::find(seen.begin(), seen.end(), name) == seen.end()) seen.push_back(name);
    }
  }
  return std::nullopt;
}

std::vector<Chart::Point> require_metric(const Run& run, const std::string& metric) {
  std::vector<std::string> seen;
  const auto points = find_metric(run, metric, seen);
  std::string names;
  for (const std::string& name : seen) names += " " + name;
  PLIANT_REQUIRE(UsageError, points, run.path, ": there is no column ", in_quotes(metric), " beside an epoch column; the columns are",
                 names.empty() ? " none" : names);
  PLIANT_REQUIRE(UsageError, !points->empty(), run.path, ": the column ", in_quotes(metric), " is empty");
  return *points;
}

// Marks the epochs at which the rate of the first run that has one is at most half of the epoch's before.
void mark_drops(const std::vector<Run>& runs, Chart& chart) {
  for (const Run& run : runs) {
    std::vector<std::string> ignored;
    const auto rates = find_metric(run, "learning_rate", ignored);
    if (!rates) continue;
    for (std::size_t i = 1; i < rates->size(); ++i) {
      const double before = (*rates)[i - 1].y, after = (*rates)[i].y;
      if (before <= 0 || after > before / 2) continue;
      chart.mark((*rates)[i].x, after > 0 ? fmt::format("lr /{:.3g}", before / after) : "lr 0");
    }
    return;
  }
}

bool is_accuracy(const std::string& metric) { return metric.ends_with("accuracy"); }

Chart metrics_chart(const PlotFlags& flags, const std::vector<Run>& runs) {
  const bool percent = std::all_of(flags.metrics.begin(), flags.metrics.end(), is_accuracy);
  std::string label;
  for (const std::string& metric : flags.metrics) label += (label.empty() ? "" : ", ") + metric;
  std::replace(label.begin(), label.end(), '_', ' ');
  Chart chart(flags.title, {.label = "epoch", .whole = true}, {.label = label + (percent ? " (%)" : "")});
  for (const Run& run : runs) {
    for (const std::string& metric : flags.metrics) {
      Chart::Series series{.name = run.name, .points = require_metric(run, metric), .style = Chart::Style::line_and_markers};
      if (flags.metrics.size() > 1) series.name += ": " + metric;
      for (Chart::Point& point : series.points) point.y *= percent ? 100.0 : 1.0;
      series.marker_every = std::max(1, static_cast<int>(series.points.size() / 12));
      chart.add(std::move(series));
    }
  }
  mark_drops(runs, chart);
  return chart;
}

// The last row of a file with one column per layer.
struct Layers {
  std::string run;
  std::vector<std::string> names;
  std::vector<std::optional<double>> values;
};

Layers layers_of(const Run& run) {
  const bool is_folder = fs::is_directory(run.path);
  const CsvFile file(is_folder ? (fs::path(run.path) / "gradients.csv").string() : run.path);
  const auto epoch = file.find("epoch");
  PLIANT_REQUIRE(FileError, epoch && file.columns().size() > 1, file.path(), ": expected the columns epoch and one per layer");
  PLIANT_REQUIRE(FileError, file.size() > 0, file.path(), ": has no epoch yet");
  Layers layers{run.name, {}, {}};
  for (std::size_t column = 0; column < file.columns().size(); ++column) {
    if (column == *epoch) continue;
    layers.names.push_back(file.columns()[column]);
    layers.values.push_back(file.number(file.size() - 1, column));
  }
  return layers;
}

// The layers of all runs in their order; a layer that only some runs have comes after its neighbour there.
std::vector<std::string> merged_names(const std::vector<Layers>& runs) {
  std::vector<std::string> merged;
  for (const Layers& run : runs) {
    auto after = merged.begin();
    for (const std::string& name : run.names) {
      const auto found = std::find(merged.begin(), merged.end(), name);
      after = (found == merged.end() ? merged.insert(after, name) : found) + 1;
    }
  }
  return merged;
}

Chart layers_chart(const PlotFlags& flags, const std::vector<Run>& runs) {
  std::vector<Layers> all;
  for (const Run& run : runs) all.push_back(layers_of(run));
  const std::vector<std::string> names = merged_names(all);
  Chart chart(flags.title, {.label = "layer, by depth", .places = names}, {.label = "mean gradient magnitude", .logarithmic = true});
  for (const Layers& run : all) {
    Chart::Series series{.name = run.run, .style = Chart::Style::line_and_markers};
    for (std::size_t i = 0; i < run.names.size(); ++i) {
      if (run.values[i].value_or(0) <= 0) continue;
      const auto place = std::find(names.begin(), names.end(), run.names[i]) - names.begin();
      series.points.push_back({.x = static_cast<double>(place), .y = *run.values[i]});
    }
    PLIANT_REQUIRE(FileError, !series.points.empty(), run.run, ": no layer's last value is above 0");
    const std::size_t left_out = run.names.size() - series.points.size();
    if (left_out > 0) std::cerr << "pliant: " << run.run << ": " << left_out << " layers whose last value is empty or not above 0 are left out\n";
    chart.add(std::move(series));
  }
  return chart;
}

int run_plot(const PlotFlags& flags) {
  PLIANT_REQUIRE(UsageError, flags.output.ends_with(".svg"), "--output: expected a name that ends in .svg, got ", in_quotes(flags.output));
  const std::vector<Run> runs = runs_at(flags.runs);
  const Chart chart = flags.layers ? layers_chart(flags, runs) : metrics_chart(flags, runs);
  chart.write(flags.output);
  std::cout << flags.output << ": " << chart.series().size() << " series\n";
  return 0;
}

}  // namespace

void add_plot(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<PlotFlags>();
  flags->metrics = {"validation_accuracy"};
  CLI::App* verb = app.add_subcommand("plot", "Draw figures of runs over their epochs, or over their layers, as SVG");
  verb->add_option("runs", flags->runs, "folders of runs, or CSV files with a column epoch")->required()->type_name("RUN");
  CLI::Option* metric = verb->add_option("--metric", flags->metrics, "column of metrics.csv or of another CSV file of the run; may be repeated")
                            ->allow_extra_args(false)
                            ->type_name("NAME")
                            ->capture_default_str();
  verb->add_flag("--layers", flags->layers, "instead: the last epoch's values of gradients.csv over the layers")->excludes(metric);
  verb->add_option("--output", flags->output, "the figure, .svg")->required()->type_name("FILE");
  verb->add_option("--title", flags->title, "written above the figure");
  verb->callback([flags, &chosen] { chosen = [flags] { return run_plot(*flags); }; });
}

}  // namespace pliant::cli
