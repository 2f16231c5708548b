#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "nets/widths.h"
#include "train/calibrate.h"
#include "train/cli/checkpoint_data.h"
#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/verbs.h"

namespace pliant::cli {

namespace {

struct CalibrateFlags {
  std::string file, output;
  std::vector<double> widths;
  CalibrationOptions options;
  DataFlags data;
  DeviceOptions device;
  bool json = false;
};

int run_calibrate(const CalibrateFlags& flags) {
  const auto context = make_context(flags.device);
  const LoadedNet loaded = load_checkpoint(*context, flags.file);
  calibrated_description(loaded.net, flags.widths);  // refused before any image is read
  DataOptions options = recorded_data(loaded.info);
  flags.data.apply(options);
  options.threads = context->threads();
  const Splits splits = load_data(options);
  const DeviceData training = part_for(*context, loaded, flags.file, splits.train, splits.normalisation);
  const Net net = calibrate(loaded.net, training, flags.widths, flags.options);
  CheckpointInfo info = loaded.info;
  if (info.normalisation.mean.empty()) info.normalisation = splits.normalisation;
  save_checkpoint(flags.output, net, info);
  const std::int64_t images = flags.options.batches * flags.options.batch;
  nlohmann::ordered_json json = {{"checkpoint", flags.output}, {"batches", flags.options.batches}, {"images", images}};
  json["widths"] = nlohmann::ordered_json::array();
  for (int row = 0; row < net.widths(); ++row) json["widths"].push_back(width_ratio(net.description, row));
  json["batch_norm_sets"] = net.description.batch_norm_sets;
  if (flags.json) {
    std::cout << json_text(json) << "\n";
  } else {
    std::cout << flags.output << ": statistics of " << flags.options.batches << " batches, " << images << " images; widths " << json_text(json["widths"])
              << "\n";
  }
  return 0;
}

}  // namespace

void add_calibrate(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<CalibrateFlags>();
  CLI::App* verb = app.add_subcommand("calibrate", "Recompute batch-norm statistics of every width as the plain average over training images");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  verb->add_option("--output", flags->output, "checkpoint to write")->required()->type_name("OUT");
  verb->add_option("--widths", flags->widths, "widths of interest as ratios, e.g. 0.25,0.5 (default: the net's own)")->delimiter(',')->check(above_zero);
  verb->add_option("--batches", flags->options.batches, "batches to average over")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  verb->add_option("--batch", flags->options.batch, "images in a batch")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  verb->add_option("--seed", flags->options.seed, "of the choice of images")->check(seed_value)->capture_default_str();
  add_data_flags(*verb, flags->data);
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_calibrate(*flags); }; });
}

}  // namespace pliant::cli
