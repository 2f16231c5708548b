#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/cli/checkpoint_data.h"
#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/part.h"
#include "train/cli/verbs.h"
#include "train/evaluate.h"
#include "train/gate_samples.h"
#include "train/latency.h"
#include "train/report/table.h"
#include "train/report/trade_off.h"

namespace pliant::cli {

namespace {

struct EvalFlags {
  std::string file, split = "test", curve, precision;
  std::int64_t batch = 128;
  int gate_samples = 0;
  std::uint64_t seed = 1;
  PartOptions part;
  DataFlags data;
  DeviceOptions device;
  bool json = false;
};

// One (width, exit): a row of the report.
struct Row {
  Part part;
  Figures figures;
  std::optional<Figures> gates;  // averaged over gate patterns
  double milliseconds = 0.0;
};

struct Report {
  std::vector<Row> rows;       // widest first, exits in order
  std::size_t first_width = 0; // rows of the first width
  std::int64_t samples = 0;
  double images_per_second = 0.0;  // of the first width, with all asked exits
  const Figures& last() const { return rows[first_width - 1].figures; }
};

Report measure(const Net& net, const DeviceData& data, const EvalFlags& flags) {
  const int exit = chosen_exit(net, flags.part);
  const std::vector<Part> parts = parts_of(net, flags.part.width ? chosen_width(net, flags.part) : -1, exit);
  const std::vector<LatencyRow> times = measure_latency(net, parts, {1}, false, {});
  Report report;
  Evaluation scaled, gates;  // of the width whose rows are being made
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const Part& part = parts[i];
    const bool new_width = i == 0 || part.row != parts[i - 1].row;
    if (new_width) {
      Selection select = exit < 0 ? Selection{} : only_exit(net, exit);
      select.width = part.row;
      scaled = evaluate(net, data, flags.batch, select);
      if (flags.gate_samples > 0) gates = evaluate_gates(net, data, flags.batch, select, flags.gate_samples, flags.seed);
    }
    if (i == 0) report.images_per_second = scaled.images_per_second();
    if (part.row == parts[0].row) ++report.first_width;
    const std::size_t place = exit < 0 ? static_cast<std::size_t>(part.exit) : 0;
    report.rows.push_back({part, scaled.exits[place], {}, times[i].median_ms});
    if (flags.gate_samples > 0) report.rows.back().gates = gates.exits[place];
  }
  report.samples = scaled.samples;
  return report;
}

Table table_of(const Report& report) {
  using Format = Table::Format;
  std::vector<Table::Column> columns = {{"width", Format::number},     {"exit", Format::integer}, {"accuracy", Format::percent}, {"loss", Format::number},
                                        {"parameters", Format::integer}, {"macs", Format::integer}, {"milliseconds", Format::milliseconds}};
  const bool top5 = report.last().top5.has_value(), gates = report.rows[0].gates.has_value();
  if (top5) columns.insert(columns.begin() + 3, {"top5_accuracy", Format::percent});
  if (gates) columns.push_back({"gate_accuracy", Format::percent});
  Table table(std::move(columns));
  for (const Row& row : report.rows) {
    Table::Row cells = {row.part.width, row.part.exit, row.figures.accuracy, row.figures.loss, row.part.parameters, row.part.macs, row.milliseconds};
    if (top5) cells.insert(cells.begin() + 3, row.figures.top5);
    if (gates) cells.emplace_back(row.gates->accuracy);
    table.add_row(std::move(cells));
  }
  return table;
}

nlohmann::ordered_json json_of(const Report& report, const EvalFlags& flags, const std::string& data) {
  nlohmann::ordered_json json = {{"accuracy", report.last().accuracy}, {"loss", report.last().loss}, {"samples", report.samples},
                                 {"images_per_second", report.images_per_second}, {"split", flags.split}, {"data", data}};
  if (report.last().top5) json["top5_accuracy"] = *report.last().top5;
  for (std::size_t i = 0; report.first_width > 1 && i < report.first_width; ++i) {
    const Figures& exit = report.rows[i].figures;
    json["exits"].push_back({{"accuracy", exit.accuracy}, {"loss", exit.loss}});
    if (exit.top5) json["exits"].back()["top5_accuracy"] = *exit.top5;
  }
  if (flags.gate_samples > 0) {
    json["gate_samples"] = flags.gate_samples;
    json["gate_accuracy"] = report.rows[report.first_width - 1].gates->accuracy;
  }
  json["rows"] = nlohmann::ordered_json::parse(table_of(report).json());
  return json;
}

void draw_curves(const Report& report, const EvalFlags& flags, const std::string& title) {
  std::vector<TradeOffPoint> points;
  for (const Row& row : report.rows) points.push_back({row.part.width, row.part.exit, row.figures.accuracy, row.part.macs, row.milliseconds});
  for (const std::string& path : write_trade_off(title, points, flags.curve)) std::cerr << "pliant: " << path << "\n";
}

int run_eval(const EvalFlags& flags) {
  const auto [context, loaded] = open_checkpoint(flags.device, flags.file, flags.precision);
  chosen_part(loaded.net, flags.part);  // refused before any image is read
  const NetDescription& d = loaded.net.description;
  PLIANT_REQUIRE(ConfigError, flags.gate_samples == 0 || !d.survival.empty(), flags.file, ": ", d.name,
                 " was built without stochastic depth; --gate-samples has nothing to sample");
  DataOptions options = recorded_data(loaded.info);
  flags.data.apply(options);
  options.threads = context->threads();
  if (!loaded.info.normalisation.mean.empty()) options.normalisation = NormalisationKind::given;
  const Splits splits = load_data(options);
  const Dataset& part = flags.split == "test" ? splits.test : flags.split == "train" ? splits.train : splits.validation;
  PLIANT_REQUIRE(DataError, part.size() > 0, "the ", flags.split, " part of ", flags.data.source, " is empty");
  const DeviceData data = part_for(*context, loaded, flags.file, part, splits.normalisation);
  const Report report = measure(loaded.net, data, flags);
  if (!flags.curve.empty()) draw_curves(report, flags, cat(d.name, " on ", part.name));
  if (flags.json) {
    std::cout << json_text(json_of(report, flags, part.name)) << "\n";
    return 0;
  }
  std::cout << d.name << " on the " << flags.split << " part of " << part.name << ": accuracy " << 100.0 * report.last().accuracy << " %, ";
  if (report.last().top5) std::cout << "top 5 " << 100.0 * *report.last().top5 << " %, ";
  std::cout << "loss " << report.last().loss << ", " << report.samples << " images, " << report.images_per_second << " images/s\n\n"
            << table_of(report).text();
  if (flags.gate_samples > 0) std::cout << "\ngate_accuracy: the softmax averaged over " << flags.gate_samples << " random gate patterns\n";
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* verb = app.add_subcommand("eval", "Accuracy, loss, cost and time of every width and exit of a checkpoint on a data set");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  add_data_flags(*verb, flags->data);
  verb->add_option("--split", flags->split, "test, validation or train")->check(CLI::IsMember({"test", "validation", "train"}))->capture_default_str();
  verb->add_option("--batch", flags->batch, "images at a time")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  add_part_options(*verb, flags->part, "every one");
  verb->add_option("--curve", flags->curve, "draw accuracy against MACs into this file, and against time into the one ending in -time.svg")
      ->check(svg_path)
      ->type_name("SVG");
  verb->add_option("--gate-samples", flags->gate_samples, "stochastic depth: also average the softmax of so many random gate patterns")
      ->check(CLI::Range(1, 1 << 20));
  verb->add_option("--seed", flags->seed, "of the gate patterns")->check(seed_value)->capture_default_str();
  add_compute_precision_option(*verb, flags->precision);
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_eval(*flags); }; });
}

}  // namespace pliant::cli
