#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "nets/widths.h"
#include "train/cli/checkpoint_data.h"
#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/verbs.h"
#include "train/early_exit/sheet.h"
#include "train/early_exit/study.h"

namespace pliant::cli {

namespace {

constexpr ConfidenceMeasure kMeasures[] = {ConfidenceMeasure::entropy, ConfidenceMeasure::max_probability, ConfidenceMeasure::margin};

struct ExitsFlags {
  std::string file, baseline, sheet, measure = name_of(ConfidenceMeasure::entropy);
  DataFlags data;
  ExitStudyOptions study;
  double width = 1.0;
  DeviceOptions device;
  bool json = false;
};

// What can be refused before any data is read.
ExitStudyOptions checked(const ExitsFlags& flags, const Net& net) {
  PLIANT_REQUIRE(ConfigError, net.exits() > 1, flags.file, ": ", net.description.name, " has a single exit, no sample can leave early; train it with --exits");
  const std::size_t given = flags.study.thresholds.size(), wanted = static_cast<std::size_t>(net.exits()) - 1;
  PLIANT_REQUIRE(UsageError, given == 0 || given == wanted, "--thresholds: ", flags.file, " has ", net.exits(), " exits and needs ", wanted,
                 wanted == 1 ? " threshold" : " thresholds", " (all leave at the last exit), got ", given);
  ExitStudyOptions options = flags.study;
  options.select.width = width_index(net.description, flags.width);
  for (const ConfidenceMeasure measure : kMeasures) {
    if (flags.measure == name_of(measure)) options.measure = measure;
  }
  return options;
}

// A separately trained net, with its own normalisation of the same images.
struct Baseline {
  LoadedNet loaded;
  DeviceData test;
};

int run_exits(const ExitsFlags& flags) {
  const auto context = make_context(flags.device);
  const LoadedNet loaded = load_checkpoint(*context, flags.file);
  const ExitStudyOptions options = checked(flags, loaded.net);
  std::optional<Baseline> other;
  if (!flags.baseline.empty()) other = Baseline{load_checkpoint(*context, flags.baseline), {}};
  DataOptions data = recorded_data(loaded.info);
  flags.data.apply(data);
  data.threads = context->threads();
  const Splits splits = load_data(data);
  PLIANT_REQUIRE(DataError, splits.test.size() > 0, "the test part of ", flags.data.source, " is empty");
  const DeviceData test = part_for(*context, loaded, flags.file, splits.test, splits.normalisation);
  const DeviceData validation = part_for(*context, loaded, flags.file, splits.validation, splits.normalisation);
  std::optional<Contestant> contestant;
  if (other) {
    other->test = part_for(*context, other->loaded, flags.baseline, splits.test, splits.normalisation);
    contestant = without_exits(other->loaded.net, other->test);
  }
  const ExitStudy study = study_exits(loaded.net, validation, test, options, contestant);
  if (!flags.sheet.empty()) write_image_sheet(flags.sheet, leaving_samples(study, 0, splits.test));
  if (flags.json) {
    auto json = nlohmann::ordered_json::parse(to_json(study));
    json["data"] = splits.test.name;
    json["samples"] = test.size();
    json["timed_samples"] = std::min(options.timing.timed, test.size());
    json["batch"] = options.timing.batch;
    std::cout << json_text(json) << "\n";
  } else {
    std::cout << loaded.net.description.name << " on the test part of " << splits.test.name << ", " << test.size() << " images\n" << to_text(study);
  }
  return 0;
}

}  // namespace

void add_exits(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<ExitsFlags>();
  CLI::App* verb = app.add_subcommand("exits", "Choose thresholds of early exits on the validation part and measure them on the test part");
  verb->add_option("file", flags->file, "checkpoint of a net with exits")->required()->type_name("FILE");
  add_data_flags(*verb, flags->data);
  std::vector<std::string> measures;
  for (const ConfidenceMeasure measure : kMeasures) measures.emplace_back(name_of(measure));
  verb->add_option("--measure", flags->measure, "how sure an exit is")->check(CLI::IsMember(measures))->capture_default_str();
  auto* thresholds = verb->add_option("--thresholds", flags->study.thresholds, "one per exit but the last, first exit first")->delimiter(',');
  auto* accuracy = verb->add_option("--target-accuracy", flags->study.target_accuracy,
                                    "the cheapest thresholds with this validation accuracy, 0 to 1 (default: that of the last exit)")
                       ->check(CLI::Range(0.0, 1.0))
                       ->excludes(thresholds);
  auto* budget = verb->add_option("--budget", flags->study.budget,
                                  "the most accurate thresholds with at most so many MACs on average; up to 1: a share of the trunk's")
                     ->check(above_zero)
                     ->excludes(thresholds)
                     ->excludes(accuracy);
  auto* sweep = verb->add_flag("--sweep", flags->study.sweep, "a list of thresholds, each at every exit")
                    ->excludes(thresholds)->excludes(accuracy)->excludes(budget);
  verb->add_option("--baseline", flags->baseline, "a separately trained checkpoint, measured beside it through its last exit")->type_name("FILE");
  verb->add_option("--sheet", flags->sheet, "write samples that left at each exit, easy to hard, as a PNG")->type_name("FILE")->excludes(sweep);
  verb->add_option("--width", flags->width, "ratio of the channels, one of the net's")->check(above_zero)->capture_default_str();
  verb->add_option("--batch", flags->study.timing.batch, "images at a time")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  verb->add_option("--timed", flags->study.timing.timed, "images that are timed one by one, evenly spaced over the test part")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_exits(*flags); }; });
}

}  // namespace pliant::cli
