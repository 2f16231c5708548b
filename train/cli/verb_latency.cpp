#include <CLI/CLI.hpp>
#include <cmath>
#include <fstream>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>

#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/part.h"
#include "train/cli/verbs.h"
#include "train/files/atomic_file.h"
#include "train/latency.h"
#include "train/report/table.h"

namespace pliant::cli {

namespace {

struct LatencyFlags {
  std::string file, output, accuracy, precision;
  std::vector<std::int64_t> batches = {1};
  std::optional<double> budget;
  TimingOptions timing;
  PartOptions part;
  DeviceOptions device;
  bool json = false;
};

// Puts the accuracies of a report that `pliant eval --json` wrote into the rows with the same width and exit.
void add_accuracies(const std::string& path, std::vector<LatencyRow>& rows) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  const auto json = parse_json(text.str(), path);
  PLIANT_REQUIRE(FileError, file && json.is_object() && json.contains("rows"), path, ": is no report of `pliant eval --json`");
  try {
    for (const auto& entry : json["rows"]) {
      for (LatencyRow& row : rows) {
        const bool same = std::abs(json_field<double>(entry, "width") - row.width) < 1e-9 && json_field<int>(entry, "exit") == row.exit;
        if (same) row.accuracy = json_field<double>(entry, "accuracy");
      }
    }
  } catch (const FileError& error) {
    throw FileError(cat(path, ": ", error.what()));
  }
  for (const LatencyRow& row : rows) {
    PLIANT_REQUIRE(FileError, row.accuracy, path, ": has no accuracy of width ", row.width, " at exit ", row.exit, "; is it a report of this net?");
  }
}

Table table_of(const LatencyTable& latency) {
  using Format = Table::Format;
  const bool rated = latency.rows[0].accuracy.has_value();
  std::vector<Table::Column> columns = {{"width", Format::number},     {"exit", Format::integer},          {"batch", Format::integer},
                                        {"parameters", Format::integer}, {"macs", Format::integer},        {"median", Format::milliseconds},
                                        {"p90", Format::milliseconds}, {"extracted", Format::milliseconds}, {"overhead", Format::number}};
  if (rated) columns.push_back({"accuracy", Format::percent});
  Table table(std::move(columns));
  for (const LatencyRow& row : latency.rows) {
    Table::Row cells = {row.width, row.exit, row.batch, row.parameters, row.macs, row.median_ms, row.p90_ms, row.plain_ms, row.median_ms / *row.plain_ms};
    if (rated) cells.emplace_back(row.accuracy);
    table.add_row(std::move(cells));
  }
  return table;
}

int run_latency(const LatencyFlags& flags) {
  const auto [context, loaded] = open_checkpoint(flags.device, flags.file, flags.precision);
  const Net& net = loaded.net;
  const std::vector<Part> parts = parts_of(net, flags.part.width ? chosen_width(net, flags.part) : -1, chosen_exit(net, flags.part));
  LatencyTable table{net.description.name, name_of(context->device()), context->threads(), {}};
  table.rows = measure_latency(net, parts, flags.batches, true, flags.timing);
  if (!flags.accuracy.empty()) add_accuracies(flags.accuracy, table.rows);
  if (!flags.output.empty()) write_file_atomically(flags.output, to_json(table) + "\n");
  std::optional<WidthController::Choice> choice;
  if (flags.budget) choice = WidthController(net, table, flags.batches[0]).choose(*flags.budget);
  if (flags.json) {
    auto json = nlohmann::ordered_json::parse(to_json(table));
    if (choice) {
      json["budget_ms"] = *flags.budget;
      json["choice"] = {{"width", choice->row.width}, {"exit", choice->row.exit}, {"median_ms", choice->row.median_ms}};
    }
    std::cout << json_text(json) << "\n";
    return 0;
  }
  std::cout << table_of(table).text() << "\noverhead: the median over that of the same part extracted\n";
  if (choice) {
    std::cout << "within " << *flags.budget << " ms for a batch of " << flags.batches[0] << ": width " << choice->row.width << ", exit " << choice->row.exit
              << ", " << choice->row.median_ms << " ms\n";
  }
  return 0;
}

}  // namespace

void add_latency(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<LatencyFlags>();
  CLI::App* verb = app.add_subcommand("latency", "Measure the time of every width and exit of a net, beside the same part extracted");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  verb->add_option("--batch", flags->batches, "batch sizes, e.g. 1,32; a budget is for the first")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_part_options(*verb, flags->part, "every one");
  verb->add_option("--budget", flags->budget, "milliseconds: pick the most accurate part that keeps within them, or the one with the most MACs")
      ->check(above_zero)
      ->type_name("MS");
  verb->add_option("--accuracy", flags->accuracy, "what `pliant eval --json` printed for this net: accuracies of the rows")->type_name("JSON");
  verb->add_option("--output", flags->output, "file for the table, which a program can load to choose at run time")->type_name("JSON");
  verb->add_option("--seconds", flags->timing.seconds, "time to measure for, all parts in turns")->check(above_zero)->capture_default_str();
  add_compute_precision_option(*verb, flags->precision);
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_latency(*flags); }; });
}

}  // namespace pliant::cli
