#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "train/cli/checkpoint_data.h"
#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/verbs.h"
#include "train/evaluate.h"

namespace pliant::cli {

namespace {

struct EvalFlags {
  std::string file, split = "test";
  std::int64_t batch = 128;
  int width = 0;
  DataFlags data;
  DeviceOptions device;
  bool json = false;
};

int run_eval(const EvalFlags& flags) {
  const auto context = make_context(flags.device);
  LoadedNet loaded = load_checkpoint(*context, flags.file);
  const NetDescription& d = loaded.net.description;
  DataOptions options = recorded_data(loaded.info);
  flags.data.apply(options);
  options.threads = context->threads();
  const Splits splits = load_data(options);
  const Dataset& part = flags.split == "test" ? splits.test : flags.split == "train" ? splits.train : splits.validation;
  PLIANT_REQUIRE(DataError, part.size() > 0, "the ", flags.split, " part of ", flags.data.source, " is empty");
  const DeviceData data = part_for(*context, loaded, flags.file, part, splits.normalisation);
  const Evaluation result = evaluate(loaded.net, data, flags.batch, {.width = flags.width});
  if (flags.json) {
    nlohmann::ordered_json json = {{"accuracy", result.last().accuracy}, {"loss", result.last().loss}, {"samples", result.samples},
                                   {"images_per_second", result.images_per_second()}, {"split", flags.split}, {"data", part.name}};
    if (result.exits.size() > 1) {
      for (const Figures& exit : result.exits) json["exits"].push_back({{"accuracy", exit.accuracy}, {"loss", exit.loss}});
    }
    std::cout << json.dump() << "\n";
    return 0;
  }
  std::cout << d.name << " on the " << flags.split << " part of " << part.name << ": accuracy " << 100.0 * result.last().accuracy << " %, loss "
            << result.last().loss << ", " << result.samples << " images, " << result.images_per_second() << " images/s\n";
  for (std::size_t i = 0; result.exits.size() > 1 && i < result.exits.size(); ++i) {
    std::cout << "exit " << i << ": accuracy " << 100.0 * result.exits[i].accuracy << " %, loss " << result.exits[i].loss << "\n";
  }
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* verb = app.add_subcommand("eval", "Accuracy, loss and throughput of a checkpoint on a data set");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  add_data_flags(*verb, flags->data);
  verb->add_option("--split", flags->split, "test, validation or train")->check(CLI::IsMember({"test", "validation", "train"}))->capture_default_str();
  verb->add_option("--batch", flags->batch, "images at a time")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  verb->add_option("--width", flags->width, "row of the net's width table; 0 is the full width")->check(non_negative);
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_eval(*flags); }; });
}

}  // namespace pliant::cli
