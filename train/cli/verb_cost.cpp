#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/verbs.h"
#include "train/cost.h"
#include "train/report/table.h"

namespace pliant::cli {

namespace {

struct CostFlags {
  std::string file;
  std::vector<std::int64_t> batches = {1};
  TimingOptions timing;
  DeviceOptions device;
  bool json = false;
};

using Format = Table::Format;

const CostRow* row_named(const CostTable& table, const std::string& name) {
  for (const CostRow& row : table.rows) {
    if (row.name == name && row.parameters > 0) return &row;
  }
  return nullptr;
}

// Layers with parameters; beside each what removal leaves of it.
Table table_of_layers(const CostReport& report) {
  std::vector<Table::Column> columns = {{"layer"}, {"type"}, {"parameters", Format::integer}, {"effective", Format::integer},
                                        {"macs", Format::integer}, {"effective_macs", Format::integer}, {"file_bytes", Format::integer},
                                        {"memory_bytes", Format::integer},
                                        {"output_bytes", Format::integer}, {"median", Format::milliseconds}};
  if (report.removed) {
    columns.insert(columns.end(), {{"removed_parameters", Format::integer}, {"removed_macs", Format::integer}, {"removed_median", Format::milliseconds}});
  }
  Table table(std::move(columns));
  for (const CostRow& row : report.given.rows) {
    if (row.parameters == 0) continue;
    Table::Row cells = {row.name, row.type, row.parameters, row.effective_parameters, row.macs, row.effective_macs,
                        row.file_bytes, row.memory_bytes, row.activation_bytes, row.median_ms};
    if (report.removed) {
      const CostRow* left = row_named(*report.removed, row.name);
      cells.emplace_back(left ? left->parameters : 0);
      cells.emplace_back(left ? left->macs : 0);
      cells.emplace_back(left ? left->median_ms : std::nullopt);
    }
    table.add_row(std::move(cells));
  }
  return table;
}

Table table_of_totals(const CostReport& report) {
  Table table({{"net"}, {"parameters", Format::integer}, {"effective", Format::integer}, {"macs", Format::integer}, {"effective_macs", Format::integer},
               {"file_bytes", Format::integer}, {"memory_bytes", Format::integer}, {"gradient_bytes", Format::integer}});
  const auto add = [&](const char* name, const CostTable& of) {
    const CostRow& row = of.total;
    table.add_row({name, row.parameters, row.effective_parameters, row.macs, row.effective_macs, row.file_bytes, row.memory_bytes, of.gradient_bytes});
  };
  add(report.removed ? "masked" : "as it is", report.given);
  if (report.removed) add("removed", *report.removed);
  return table;
}

Table table_of_batches(const CostReport& report) {
  Table table({{"net"}, {"batch", Format::integer}, {"median", Format::milliseconds}, {"p90", Format::milliseconds},
               {"largest_activation_bytes", Format::integer}, {"working_bytes", Format::integer}});
  const auto add = [&](const char* name, const BatchCost& one) {
    table.add_row({name, one.batch, one.time.median_ms, one.time.p90_ms, one.largest_activation_bytes, one.working_bytes});
  };
  for (std::size_t i = 0; i < report.given.batches.size(); ++i) {
    if (report.removed) add("without masks", report.unmasked[i]);
    add(report.removed ? "masked" : "as it is", report.given.batches[i]);
    if (report.removed) add("removed", report.removed->batches[i]);
  }
  return table;
}

int run_cost(const CostFlags& flags) {
  const auto context = make_context(flags.device);
  const LoadedNet loaded = load_checkpoint(*context, flags.file);
  const auto bytes = static_cast<std::int64_t>(std::filesystem::file_size(flags.file));
  const CostReport report = measure_cost(loaded.net, flags.batches, flags.timing);
  const std::string& name = loaded.net.description.name;
  if (flags.json) {
    nlohmann::ordered_json json = {{"net", name}, {"file_size", bytes}, {"device", name_of(context->device())}, {"threads", context->threads()}};
    json.update(nlohmann::ordered_json::parse(to_json(report)));
    std::cout << json_text(json) << "\n";
    return 0;
  }
  std::cout << table_of_layers(report).text() << "\nmedian: of a batch of " << flags.batches[0]
            << ", from the end of the convolution or linear layer before; output_bytes: of one image\n\n"
            << table_of_totals(report).text() << "\n"
            << flags.file << ": " << with_commas(bytes) << " bytes, the optimizer's state included if there is one\n\n"
            << table_of_batches(report).text();
  for (const std::string& note : explain(report)) std::cout << "\n" << note << "\n";
  return 0;
}

}  // namespace

void add_cost(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<CostFlags>();
  CLI::App* verb = app.add_subcommand("cost", "What a net costs: parameters, multiply-accumulates, bytes, time; a masked net beside the really smaller one");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  verb->add_option("--batches", flags->batches, "batch sizes to measure, e.g. 1,32; layers are timed at the first")
      ->delimiter(',')
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  verb->add_option("--seconds", flags->timing.seconds, "time to measure the whole nets for, all in turns; as long again for the layers")
      ->check(above_zero)
      ->capture_default_str();
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_cost(*flags); }; });
}

}  // namespace pliant::cli
