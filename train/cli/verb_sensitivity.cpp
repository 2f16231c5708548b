#include <CLI/CLI.hpp>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "nets/json.h"
#include "train/cli/checkpoint_data.h"
#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/layer_report.h"
#include "train/cli/part.h"
#include "train/cli/verbs.h"
#include "train/interrupt.h"
#include "train/report/svg_chart.h"
#include "train/report/table.h"
#include "train/sensitivity.h"
#include "train/trainer.h"

namespace pliant::cli {

namespace {

struct SensitivityFlags {
  std::string file, output, score = "l1", split = "validation", run;
  bool blocks = false, layers = false, json = false;
  std::vector<int> random;
  std::vector<double> ratios = {0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9};
  std::int64_t retrain = 0;
  double rate = 0.001;
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

DataOptions data_options(const SensitivityFlags& flags, const LoadedNet& loaded, const Context& context) {
  DataOptions options = recorded_data(loaded.info);
  flags.data.apply(options);
  options.threads = context.threads();
  return options;
}

// Trains the masked net on, otherwise as its checkpoint's run did, in a folder per layer and ratio.
void retrain(const SensitivityFlags& flags, const LoadedNet& loaded, const DataOptions& data, const Splits& splits, const InterruptGuard& interrupt, Net& net,
             const std::string& layer, double ratio) {
  TrainConfig config = fine_tuning(recorded_config(loaded.info, net.description.name), flags.retrain, flags.rate);
  config.data = data;
  const std::string name = cat(layer, "-", ratio);
  std::cerr << "pliant: " << name << "\n";
  const RunFolder folder(RunFolder(flags.run, true).file(name), false);
  Trainer trainer(net, splits, config, folder);
  PLIANT_REQUIRE(Error, !trainer.run(standard_error_output(), [&] { return interrupt.requested(); }).interrupted, "retraining of ", name,
                 " was interrupted; nothing was reported");
}

int run_layers(const SensitivityFlags& flags) {
  PLIANT_REQUIRE(UsageError, flags.retrain == 0 || !flags.run.empty(), "sensitivity: --retrain needs --run, the folder of its runs");
  const auto context = make_context(flags.device);
  LoadedNet loaded = load_checkpoint(*context, flags.file);
  const DataOptions data = data_options(flags, loaded, *context);
  Splits splits = load_data(data);
  const Dataset& part = flags.split == "test" ? splits.test : splits.validation;
  PLIANT_REQUIRE(DataError, part.size() > 0, "the ", flags.split, " part of ", flags.data.source, " is empty");
  const DeviceData images = part_for(*context, loaded, flags.file, part, splits.normalisation);
  DeviceData training;
  LayerSensitivityOptions options{.ratios = flags.ratios, .score = parse_score(flags.score), .scoring = {.seed = flags.seed}, .batch = flags.batch,
                                  .select = chosen_part_or_last(loaded.net, flags.part), .retrain = {}};
  if (needs_data(options.score)) training = part_for(*context, loaded, flags.file, splits.train, splits.normalisation);
  if (!loaded.info.normalisation.mean.empty()) splits.normalisation = loaded.info.normalisation;
  std::optional<InterruptGuard> interrupt;
  if (flags.retrain > 0) {
    RunFolder(flags.run, false);
    interrupt.emplace();
    options.retrain = [&](Net& net, const std::string& layer, double ratio) { retrain(flags, loaded, data, splits, *interrupt, net, layer, ratio); };
  }
  const LayerSensitivity study = measure_layers(loaded.net, images, training, options);
  if (!flags.output.empty()) draw_layers(study, cat(loaded.net.description.name, " on ", part.name), flags.output);
  if (flags.json) {
    auto json = nlohmann::ordered_json::parse(to_json(study));
    json.update({{"samples", images.size()}, {"split", flags.split}, {"score", flags.score}, {"retrain", flags.retrain}});
    std::cout << json_text(json) << "\n";
    return 0;
  }
  std::cout << "whole net: accuracy " << 100.0 * study.whole.accuracy << " % of " << images.size() << " images of the " << flags.split << " part\n\n"
            << to_text(study);
  return 0;
}

int run_blocks(const SensitivityFlags& flags) {
  const auto context = make_context(flags.device);
  const LoadedNet loaded = load_checkpoint(*context, flags.file);
  const Net& net = loaded.net;
  PLIANT_REQUIRE(ConfigError, net.blocks > 0, flags.file, ": ", net.description.name, " has no residual blocks that could be deleted");
  for (const int count : flags.random) {
    PLIANT_REQUIRE(UsageError, count <= net.blocks, "--random ", count, ": ", net.description.name, " has ", net.blocks, " residual blocks");
  }
  const Selection select = chosen_part_or_last(net, flags.part);
  const Splits splits = load_data(data_options(flags, loaded, *context));
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
    std::cout << json_text(json) << "\n";
    return 0;
  }
  std::cout << "whole net: accuracy " << 100.0 * found.whole << " % of " << test.size() << " images\n\n" << table_of_blocks(found).text();
  if (!found.random.empty()) std::cout << "\n" << table_of_random(found).text();
  return 0;
}

int run_sensitivity(const SensitivityFlags& flags) {
  PLIANT_REQUIRE(UsageError, flags.blocks || flags.layers, "sensitivity: say of what; --layers prunes each layer, --blocks deletes residual blocks");
  return flags.layers ? run_layers(flags) : run_blocks(flags);
}

std::string share(const std::string& value) {
  const std::string wrong = above_zero(value);
  return wrong.empty() && std::strtod(value.c_str(), nullptr) >= 1.0 ? cat(value, " is not below 1") : wrong;
}

void add_layer_flags(CLI::App& verb, SensitivityFlags& flags, CLI::Option& layers) {
  verb.add_option("--ratios", flags.ratios, "with --layers: shares of a layer's channels that go (default 0.1 to 0.9)")
      ->delimiter(',')
      ->check(share)
      ->needs(&layers);
  verb.add_option("--score", flags.score, "with --layers: which channels go, those with the smallest score; see `pliant prune --method`")
      ->check(CLI::IsMember(score_names()))
      ->needs(&layers)
      ->capture_default_str();
  verb.add_option("--split", flags.split, "with --layers: validation or test")
      ->check(CLI::IsMember({"validation", "test"}))
      ->needs(&layers)
      ->capture_default_str();
  verb.add_option("--retrain", flags.retrain, "with --layers: epochs of training after each pruning")->check(CLI::Range(0, 1 << 20))->needs(&layers);
  verb.add_option("--lr", flags.rate, "constant learning rate of --retrain")->check(above_zero)->needs(&layers)->capture_default_str();
  verb.add_option("--run", flags.run, "folder of the runs of --retrain")->needs(&layers)->type_name("DIR");
}

}  // namespace

void add_sensitivity(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<SensitivityFlags>();
  CLI::App* verb = app.add_subcommand("sensitivity", "Accuracy after single layers of a trained net are pruned, or residual blocks deleted");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  auto* layers = verb->add_flag("--layers", flags->layers, "prune each layer alone, at several ratios");
  auto* blocks = verb->add_flag("--blocks", flags->blocks, "delete each residual block alone")->excludes(layers);
  verb->add_option("--random", flags->random, "then so many blocks at random, e.g. 1,2,4,8")->delimiter(',')->check(CLI::Range(1, 1 << 20))->needs(blocks);
  add_layer_flags(*verb, *flags, *layers);
  verb->add_option("--repeats", flags->repeats, "random choices for each number")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  verb->add_option("--seed", flags->seed, "of random choices")->check(seed_value)->capture_default_str();
  verb->add_option("--output", flags->output, "draw the accuracies; random ones into the file ending in -random.svg, L1 sums into -norms.svg")
      ->check(svg_path)
      ->type_name("SVG");
  add_part_options(*verb, flags->part, "the full width, the last exit");
  verb->add_option("--batch", flags->batch, "images at a time")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  add_data_flags(*verb, flags->data);
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_sensitivity(*flags); }; });
}

}  // namespace pliant::cli
