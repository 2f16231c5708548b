#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "nets/json.h"
#include "train/cli/common.h"
#include "train/cli/train_flags.h"
#include "train/cli/verbs.h"
#include "train/interrupt.h"
#include "train/trainer.h"
#include "train/version.h"

namespace pliant::cli {

namespace {

struct TrainOptions {
  std::string net_or_file, out, resume, step_graphs = "auto";
  StructureOptions structure;
  TrainFlags training;
  DeviceOptions device;
  bool json = false;
};

// The configuration of a resumed run is the recorded one; a flag that would change it is refused.
TrainConfig resumed_config(const TrainOptions& flags, const CheckpointHeader& header) {
  const auto state = parse_json(header.info.trainer_state, flags.resume);
  PLIANT_REQUIRE(FileError, state.is_object() && state.contains("config"), flags.resume,
                 ": holds no training state to resume; start from its weights with `pliant train ", flags.resume, "`");
  const TrainConfig recorded = config_from_json(json_text(state["config"]));
  TrainConfig config = recorded;
  flags.training.apply(config);
  for (const std::string& field : differing_fields(config, recorded)) {
    throw ConfigError(cat("--", field, " differs from the run that is resumed; leave it out, or start a new run"));
  }
  const std::string& name = header.description.name;
  PLIANT_REQUIRE(FileError, flags.net_or_file == name || !names_net(flags.net_or_file), flags.resume, " holds ", name, ", not ", flags.net_or_file);
  return config;
}

void require_fit(const NetDescription& d, const Splits& splits, const std::string& file) {
  const Dataset& data = splits.train;
  PLIANT_REQUIRE(ConfigError, d.channels == data.channels, file, ": takes images of ", d.channels, " channels, ", data.name, " has ", data.channels);
  PLIANT_REQUIRE(ConfigError, d.classes == data.classes, file, ": tells ", d.classes, " classes apart, ", data.name, " has ", data.classes,
                 "; `pliant train ", d.name, " --init ", file, "` takes over all but the classifier");
}

Net start_net(const TrainOptions& flags, const TrainConfig& config, Splits& splits, Context& context) {
  const DType compute = compute_dtype(parse_precision(config.precision));
  if (!names_net(flags.net_or_file)) {
    PLIANT_REQUIRE(ConfigError, !flags.structure.given(), "the structure comes from ", flags.net_or_file,
                   "; --classes, --exits, --widths and so on are for a net given by name");
    LoadedNet loaded = load_checkpoint(context, flags.net_or_file, DType::f32, compute);
    require_fit(loaded.net.description, splits, flags.net_or_file);
    if (!loaded.info.normalisation.mean.empty()) splits.normalisation = loaded.info.normalisation;
    return std::move(loaded.net);
  }
  Net net = build_net(describe_for(flags.net_or_file, flags.structure, splits.train));
  net.store->allocate(context, DType::f32, compute);
  initialise(net, config.seed, initial_rule(config.initialisation), config.scale_init);
  apply_masks(flags.structure, net);
  if (config.init_file.empty()) return net;
  const WeightReport report = load_weights(net, config.init_file, WeightPolicy::matching);
  std::cerr << "pliant: " << report.loaded.size() << " tensors from " << config.init_file << "\n";
  for (const std::string& name : report.fresh) std::cerr << "pliant: fresh: " << name << "\n";
  return net;
}

void describe_run(const RunFolder& folder, const TrainOptions& flags, const TrainConfig& config, const Net& net, const Context& context) {
  auto json = nlohmann::ordered_json::parse(to_json(config));
  json["data"] = flags.training.data.source;
  json["net"] = nlohmann::ordered_json::parse(to_json(net.description));
  folder.write_config(json_text(json));
  folder.write_environment({{"pliant", program_version()}, {"device", name_of(context.device())}, {"threads", std::to_string(context.threads())}});
}

int report(const TrainResult& result, bool json) {
  if (json) {
    nlohmann::ordered_json line = {{"best_epoch", result.best_epoch}};
    line["validation_accuracy"] = result.validation_accuracy ? nlohmann::ordered_json(*result.validation_accuracy) : nullptr;
    line["test_accuracy"] = result.test_accuracy ? nlohmann::ordered_json(*result.test_accuracy) : nullptr;
    if (result.test_top5) line["test_top5_accuracy"] = *result.test_top5;
    line["checkpoint"] = result.checkpoint;
    for (const RowFigures& row : result.test_rows) {
      line["rows"].push_back({{"width", row.width}, {"exit", row.exit}, {"accuracy", row.figures.accuracy}});
      if (row.figures.top5) line["rows"].back()["top5_accuracy"] = *row.figures.top5;
    }
    if (result.interrupted) line["interrupted"] = true;
    std::cout << json_text(line) << "\n";
  } else if (result.interrupted) {
    std::cout << "interrupted; " << result.checkpoint << " holds everything, --resume continues\n";
  } else {
    std::cout << "best epoch " << result.best_epoch;
    if (result.validation_accuracy) std::cout << ", validation accuracy " << 100.0 * *result.validation_accuracy << " %";
    if (result.test_accuracy) std::cout << ", test accuracy " << 100.0 * *result.test_accuracy << " %";
    if (result.test_top5) std::cout << " (top 5: " << 100.0 * *result.test_top5 << " %)";
    std::cout << "\n";
    if (result.test_rows.size() > 1) {
      for (const RowFigures& row : result.test_rows) {
        std::cout << "width " << row.width << ", exit " << row.exit << ": test accuracy " << 100.0 * row.figures.accuracy << " %";
        if (row.figures.top5) std::cout << " (top 5: " << 100.0 * *row.figures.top5 << " %)";
        std::cout << "\n";
      }
    }
    std::cout << result.checkpoint << "\n";
  }
  return result.interrupted ? InterruptGuard::kExitCode : 0;
}

int run_train(const TrainOptions& flags) {
  const InterruptGuard interrupt;
  TrainConfig config;
  if (!flags.resume.empty()) {
    config = resumed_config(flags, read_checkpoint_header(flags.resume));
  } else {
    const bool by_name = names_net(flags.net_or_file);
    config = recipe(by_name ? flags.net_or_file : read_checkpoint_header(flags.net_or_file).description.name);
    flags.training.apply(config);
  }
  initial_rule(config.initialisation);
  const RunFolder folder(flags.out, !flags.resume.empty());
  const Precision precision = parse_precision(config.precision);
  const auto context = make_context(flags.device, precision);
  config.data.threads = context->threads();
  DataOptions data = config.data;
  if (!flags.resume.empty()) data.normalisation = NormalisationKind::given;
  Splits splits = load_data(data);
  if (splits.train.files) std::cerr << "pliant: images are decoded while they are used, by " << splits.train.files->threads << " threads\n";
  if (flags.training.data.source == "synthetic") std::cerr << "pliant: training on the built-in synthetic set, not on real images\n";
  Net net;
  LoadedNet resumed;
  if (!flags.resume.empty()) {
    resumed = load_checkpoint(*context, flags.resume, DType::f32, compute_dtype(precision));
    require_fit(resumed.net.description, splits, flags.resume);
    splits.normalisation = resumed.info.normalisation;
    net = std::move(resumed.net);
  } else {
    net = start_net(flags, config, splits, *context);
  }
  if (const NetDescription& d = net.description; d.height != splits.train.height || d.width != splits.train.width) {
    std::cerr << "pliant: images of " << splits.train.height << " x " << splits.train.width << " are resized on the fly to " << d.height << " x "
              << d.width << "\n";
  }
  Trainer trainer(net, splits, config, folder, parse_step_graphs(flags.step_graphs));
  if (!flags.resume.empty()) {
    trainer.restore(resumed.info.trainer_state, resumed.arenas);
  }
  describe_run(folder, flags, config, net, *context);  // last, so that a refused configuration leaves the folder empty
  const TrainResult result = trainer.run(standard_error_output(), [&] { return interrupt.requested(); });
  if (trainer.graphs().active()) {
    const StepGraphs::Counts& steps = trainer.graphs().counts();
    std::cerr << "pliant: " << steps.replayed << " steps were replayed as graphs (" << trainer.graphs().graphs() << " are kept), " << steps.eager
              << " were launched kernel by kernel\n";
  }
  return report(result, flags.json);
}

}  // namespace

void add_train(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<TrainOptions>();
  CLI::App* verb = app.add_subcommand("train", "Train a net; without flags by its documented recipe");
  verb->add_option("net", flags->net_or_file, "name of a net, or a checkpoint whose structure and weights to start from")->required()->type_name("NET|FILE");
  verb->add_option("--out", flags->out, "folder of the run: checkpoints, metrics.csv, config.json, env.json")->required()->type_name("DIR");
  add_train_flags(*verb, flags->training);
  add_structure_options(*verb, flags->structure);
  verb->add_option("--precision", flags->training.precision, "f32, tf32 (CUDA alone), bf16 or f16: of activations and what multiplies them")
      ->check(CLI::IsMember(precision_names()));
  verb->add_option("--loss-scale", flags->training.loss_scale, "f16: what gradients are multiplied by on their way (default: 1024)")
      ->check(CLI::Range(1.0, 0x1p24));
  verb->add_option("--seed", flags->training.seed, "seed of everything that is drawn")->check(seed_value);
  verb->add_flag("--log-test", flags->training.log_test, "test figures of every epoch in metrics.csv; never used for choosing");
  verb->add_option("--resume", flags->resume, "checkpoint of an interrupted run to continue exactly")->type_name("FILE");
  verb->add_option("--step-graphs", flags->step_graphs, "replay recorded steps: auto does on a CUDA device; what is computed stays the same")
      ->check(CLI::IsMember({"auto", "on", "off"}))
      ->capture_default_str();
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_train(*flags); }; });
}

}  // namespace pliant::cli
