#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "train/cli/checkpoint_data.h"
#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/part.h"
#include "train/cli/verbs.h"
#include "train/report/svg_chart.h"
#include "train/report/table.h"
#include "train/sensitivity.h"

namespace pliant::cli {

namespace {

struct SensitivityFlags {
  std::string file, output;
  bool blocks = false, json = false;
  std::vector<int> random;
  int repeats = 5;
  std::int64_t batch = 128;
  std::uint64_t seed = 1;
  PartOptions part;
  DataFlags data;
  DeviceOptions device;
};

struct Findings {
  double whole = 0.0;             // accuracy with every block
  std::vector<double> each;
  std::vector<RandomDeletion> random;
};

Table table_of_blocks(const Findings& found) {
  using Format = Table::Format;
  Table table({{"block", Format::integer}, {"accuracy", Format::percent}, {"loss_of_accuracy", Format::percent}});
  for (std::size_t i = 0; i < found.each.size(); ++i) table.add_row({i, found.each[i], found.whole - found.each[i]});
  return table;
}

Table table_of_random(const Findings& found) {
  using Format = Table::Format;
  Table table({{"blocks", Format::integer}, {"accuracy", Format::percent}, {"deviation", Format::percent}});
  for (const RandomDeletion& row : found.random) table.add_row({row.blocks, row.accuracy, row.deviation});
  return table;
}

// Accuracy over the deleted block, and over the number of blocks deleted at random.
void draw(const Findings& found, const std::string& title, const std::string& path) {
  Chart each(title, {.label = "deleted block", .whole = true}, {.label = "accuracy (%)"});
  Chart::Series blocks{.name = "one block deleted", .style = Chart::Style::line_and_markers}, whole{.name = "whole net", .dashed = true};
  for (std::size_t i = 0; i < found.each.size(); ++i) {
    blocks.points.push_back({.x = static_cast<double>(i), .y = 100.0 * found.each[i]});
    whole.points.push_back({.x = static_cast<double>(i), .y = 100.0 * found.whole});
  }
  each.add(std::move(blocks));
  each.add(std::move(whole));
  each.write(path);
  std::cerr << "pliant: " << path << "\n";
  if (found.random.empty()) return;
  const std::string random_path = path.substr(0, path.size() - 4) + "-random.svg";
  Chart random(title, {.label = "blocks deleted at random", .whole = true}, {.label = "accuracy (%)"});
  Chart::Series series{.name = "mean and deviation", .style = Chart::Style::line_and_markers};
  series.points.push_back({.x = 0.0, .y = 100.0 * found.whole});
  for (const RandomDeletion& row : found.random) {
    series.points.push_back({.x = static_cast<double>(row.blocks), .y = 100.0 * row.accuracy, .deviation = 100.0 * row.deviation});
  }
  random.add(std::move(series));
  random.write(random_path);
  std::cerr << "pliant: " << random_path << "\n";
}

int run_sensitivity(const SensitivityFlags& flags) {
  PLIANT_REQUIRE(UsageError, flags.blocks, "sensitivity: say of what; --blocks deletes residual blocks");
  const auto context = make_context(flags.device);
  const LoadedNet loaded = load_checkpoint(*context, flags.file);
  const Net& net = loaded.net;
  PLIANT_REQUIRE(ConfigError, net.blocks > 0, flags.file, ": ", net.description.name, " has no residual blocks that could be deleted");
  for (const int count : flags.random) {
    PLIANT_REQUIRE(UsageError, count <= net.blocks, "--random ", count, ": ", net.description.name, " has ", net.blocks, " residual blocks");
  }
  const Selection select = chosen_part_or_last(net, flags.part);
  DataOptions options = recorded_data(loaded.info);
  flags.data.apply(options);
  options.threads = context->threads();
  const Splits splits = load_data(options);
  PLIANT_REQUIRE(DataError, splits.test.size() > 0, "the test part of ", flags.data.source, " is empty");
  const DeviceData test = part_for(*context, loaded, flags.file, splits.test, splits.normalisation);
  Findings found{evaluate(net, test, flags.batch, select).last().accuracy, delete_each_block(net, test, flags.batch, select), {}};
  for (const int count : flags.random) {
    found.random.push_back(delete_random_blocks(net, test, flags.batch, select, count, flags.repeats, flags.seed));
  }
  if (!flags.output.empty()) draw(found, cat(net.description.name, " on ", splits.test.name), flags.output);
  if (flags.json) {
    nlohmann::ordered_json json = {{"accuracy", found.whole}, {"samples", test.size()}};
    json["blocks"] = nlohmann::ordered_json::parse(table_of_blocks(found).json());
    json["random"] = nlohmann::ordered_json::parse(table_of_random(found).json());
    std::cout << json.dump() << "\n";
    return 0;
  }
  std::cout << "whole net: accuracy " << 100.0 * found.whole << " % of " << test.size() << " images\n\n" << table_of_blocks(found).text();
  if (!found.random.empty()) std::cout << "\n" << table_of_random(found).text();
  return 0;
}

}  // namespace

void add_sensitivity(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<SensitivityFlags>();
  CLI::App* verb = app.add_subcommand("sensitivity", "Accuracy after parts of a trained net are deleted at test time");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  verb->add_flag("--blocks", flags->blocks, "delete each residual block alone");
  verb->add_option("--random", flags->random, "then so many blocks at random, e.g. 1,2,4,8")->delimiter(',')->check(CLI::Range(1, 1 << 20));
  verb->add_option("--repeats", flags->repeats, "random choices for each number")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  verb->add_option("--seed", flags->seed, "of the random choices")->check(seed_value)->capture_default_str();
  verb->add_option("--output", flags->output, "draw the accuracies; the random ones into the file ending in -random.svg")->check(svg_path)->type_name("SVG");
  add_part_options(*verb, flags->part, "the full width, the last exit");
  verb->add_option("--batch", flags->batch, "images at a time")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  add_data_flags(*verb, flags->data);
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_sensitivity(*flags); }; });
}

}  // namespace pliant::cli
