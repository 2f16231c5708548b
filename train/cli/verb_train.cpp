#include <CLI/CLI.hpp>
#include <filesystem>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>

#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/dynamic_flags.h"
#include "train/cli/structure.h"
#include "train/cli/verbs.h"
#include "train/interrupt.h"
#include "train/trainer.h"
#include "train/version.h"

namespace pliant::cli {

namespace {

struct TrainFlags {
  std::string net_or_file, out, resume;
  StructureOptions structure;
  DataFlags data;
  DeviceOptions device;
  bool json = false;
  // What was given; the recipe of the net, or the record of the run that is resumed, holds the rest.
  std::optional<std::int64_t> epochs, batch, patience;
  std::optional<double> rate, momentum, weight_decay, smoothing, l1, beta1, beta2, epsilon;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> optimizer, schedule, augment, initialisation, init_file;
  std::vector<std::string> freeze;
  DynamicFlags dynamic;
  bool nesterov = false, no_nesterov = false, no_decay_bn_bias = false, published_normalisation = false, log_test = false;
};

template <class T>
void put(const std::optional<T>& given, T& value) {
  if (given) value = *given;
}

void apply(const TrainFlags& flags, TrainConfig& config) {
  put(flags.epochs, config.epochs);
  put(flags.batch, config.batch);
  put(flags.patience, config.patience);
  put(flags.rate, config.rate);
  put(flags.momentum, config.optimizer.momentum);
  put(flags.weight_decay, config.optimizer.weight_decay);
  put(flags.l1, config.optimizer.l1);
  put(flags.beta1, config.optimizer.beta1);
  put(flags.beta2, config.optimizer.beta2);
  put(flags.epsilon, config.optimizer.epsilon);
  put(flags.smoothing, config.smoothing);
  put(flags.seed, config.seed);
  put(flags.initialisation, config.initialisation);
  put(flags.init_file, config.init_file);
  if (flags.optimizer) config.optimizer.kind = parse_optimizer(*flags.optimizer);
  if (flags.schedule) config.schedule = parse_schedule(*flags.schedule);
  if (flags.augment) config.augmentation = parse_augmentation(*flags.augment);
  if (flags.nesterov) config.optimizer.nesterov = true;
  if (flags.no_nesterov) config.optimizer.nesterov = false;
  if (flags.no_decay_bn_bias) config.optimizer.decay_all = false;
  if (flags.published_normalisation) config.data.normalisation = NormalisationKind::published;
  if (flags.log_test) config.log_test = true;
  if (!flags.freeze.empty()) config.freeze = flags.freeze;
  flags.dynamic.apply(config.dynamic);
  flags.data.apply(config.data);
  config.data.seed = config.seed;
}

// The configuration of a resumed run is the recorded one; a flag that would change it is refused.
TrainConfig resumed_config(const TrainFlags& flags, const CheckpointHeader& header) {
  const auto state = nlohmann::json::parse(header.info.trainer_state, nullptr, false);
  PLIANT_REQUIRE(FileError, state.is_object() && state.contains("config"), flags.resume,
                 ": holds no training state to resume; start from its weights with `pliant train ", flags.resume, "`");
  const TrainConfig recorded = config_from_json(state["config"].dump());
  TrainConfig config = recorded;
  apply(flags, config);
  for (const std::string& field : differing_fields(config, recorded)) {
    throw ConfigError(cat("--", field, " differs from the run that is resumed; leave it out, or start a new run"));
  }
  const std::string& name = header.description.name;
  PLIANT_REQUIRE(ConfigError, flags.net_or_file == name || !names_net(flags.net_or_file), flags.resume, " holds ", name, ", not ", flags.net_or_file);
  return config;
}

void require_fit(const NetDescription& d, const Splits& splits, const std::string& file) {
  const Dataset& data = splits.train;
  PLIANT_REQUIRE(ConfigError, d.height == data.height && d.width == data.width && d.channels == data.channels, file, ": takes images of ", d.height,
                 " x ", d.width, " x ", d.channels, ", ", data.name, " has ", data.height, " x ", data.width, " x ", data.channels, "; try --resize");
  PLIANT_REQUIRE(ConfigError, d.classes == data.classes, file, ": tells ", d.classes, " classes apart, ", data.name, " has ", data.classes,
                 "; `pliant train ", d.name, " --init ", file, "` takes over all but the classifier");
}

// Nets made for images of this size or more keep it: smaller images are resized on the fly.
constexpr std::int64_t kResized = 64;

// The structure that a fresh net gets from the data set, unless a flag says otherwise.
NetDescription described_for(const TrainFlags& flags, const Dataset& data) {
  NetDescription d = describe_input(flags.net_or_file, flags.structure);
  PLIANT_REQUIRE(ConfigError, flags.structure.classes == 0 || flags.structure.classes >= data.classes, "--classes ", flags.structure.classes, ": ",
                 data.name, " has ", data.classes, " classes");
  if (flags.structure.classes == 0) d.classes = data.classes;
  PLIANT_REQUIRE(ConfigError, flags.structure.input.empty(), "--input: the input shape comes from the data set; --resize changes it");
  if (flags.structure.resolution == 0 && d.height < kResized) {
    d.height = data.height;
    d.width = data.width;
  }
  d.channels = data.channels;
  apply_structure(flags.structure, d);
  return d;
}

Net start_net(const TrainFlags& flags, const TrainConfig& config, Splits& splits, Context& context) {
  if (!names_net(flags.net_or_file)) {
    PLIANT_REQUIRE(ConfigError, !flags.structure.given(), "the structure comes from ", flags.net_or_file,
                   "; --classes, --exits, --widths and so on are for a net given by name");
    LoadedNet loaded = load_checkpoint(context, flags.net_or_file);
    require_fit(loaded.net.description, splits, flags.net_or_file);
    if (!loaded.info.normalisation.mean.empty()) splits.normalisation = loaded.info.normalisation;
    return std::move(loaded.net);
  }
  Net net = build_net(described_for(flags, splits.train));
  net.store->allocate(context, DType::f32);
  initialise(net, config.seed, initial_rule(config.initialisation));
  if (config.init_file.empty()) return net;
  const WeightReport report = load_weights(net, config.init_file, WeightPolicy::matching);
  std::cerr << "pliant: " << report.loaded.size() << " tensors from " << config.init_file << "\n";
  for (const std::string& name : report.fresh) std::cerr << "pliant: fresh: " << name << "\n";
  return net;
}

void describe_run(const RunFolder& folder, const TrainFlags& flags, const TrainConfig& config, const Net& net, const Context& context) {
  auto json = nlohmann::ordered_json::parse(to_json(config));
  json["data"] = flags.data.source;
  json["net"] = nlohmann::ordered_json::parse(to_json(net.description));
  folder.write_config(json.dump());
  folder.write_environment({{"pliant", program_version()}, {"device", name_of(context.device())}, {"threads", std::to_string(context.threads())}});
}

int report(const TrainResult& result, bool json) {
  if (json) {
    nlohmann::ordered_json line = {{"best_epoch", result.best_epoch}};
    line["validation_accuracy"] = result.validation_accuracy ? nlohmann::ordered_json(*result.validation_accuracy) : nullptr;
    line["test_accuracy"] = result.test_accuracy ? nlohmann::ordered_json(*result.test_accuracy) : nullptr;
    line["checkpoint"] = result.checkpoint;
    for (const RowFigures& row : result.test_rows) {
      line["rows"].push_back({{"width", row.width}, {"exit", row.exit}, {"accuracy", row.figures.accuracy}});
    }
    if (result.interrupted) line["interrupted"] = true;
    std::cout << line.dump() << "\n";
  } else if (result.interrupted) {
    std::cout << "interrupted; " << result.checkpoint << " holds everything, --resume continues\n";
  } else {
    std::cout << "best epoch " << result.best_epoch;
    if (result.validation_accuracy) std::cout << ", validation accuracy " << 100.0 * *result.validation_accuracy << " %";
    if (result.test_accuracy) std::cout << ", test accuracy " << 100.0 * *result.test_accuracy << " %";
    std::cout << "\n";
    if (result.test_rows.size() > 1) {
      for (const RowFigures& row : result.test_rows) {
        std::cout << "width " << row.width << ", exit " << row.exit << ": test accuracy " << 100.0 * row.figures.accuracy << " %\n";
      }
    }
    std::cout << result.checkpoint << "\n";
  }
  return result.interrupted ? InterruptGuard::kExitCode : 0;
}

int run_train(const TrainFlags& flags) {
  const InterruptGuard interrupt;
  TrainConfig config;
  if (!flags.resume.empty()) {
    config = resumed_config(flags, read_checkpoint_header(flags.resume));
  } else {
    const bool by_name = names_net(flags.net_or_file);
    config = recipe(by_name ? flags.net_or_file : read_checkpoint_header(flags.net_or_file).description.name);
    apply(flags, config);
  }
  initial_rule(config.initialisation);
  const RunFolder folder(flags.out, !flags.resume.empty());
  const auto context = make_context(flags.device);
  config.data.threads = context->threads();
  Splits splits = load_data(config.data);
  if (flags.data.source == "synthetic") std::cerr << "pliant: training on the built-in synthetic set, not on real images\n";
  Net net;
  LoadedNet resumed;
  if (!flags.resume.empty()) {
    resumed = load_checkpoint(*context, flags.resume);
    require_fit(resumed.net.description, splits, flags.resume);
    splits.normalisation = resumed.info.normalisation;
    net = std::move(resumed.net);
  } else {
    net = start_net(flags, config, splits, *context);
  }
  Trainer trainer(net, splits, config, folder);
  if (!flags.resume.empty()) {
    trainer.restore(resumed.info.trainer_state, resumed.arenas);
  }
  describe_run(folder, flags, config, net, *context);  // last, so that a refused configuration leaves the folder empty
  return report(trainer.run(standard_error_output(), [&] { return interrupt.requested(); }), flags.json);
}

void add_optimizer_flags(CLI::App& verb, TrainFlags& flags) {
  verb.add_option("--epochs", flags.epochs, "epochs")->check(CLI::Range(1, 1000000));
  verb.add_option("--batch", flags.batch, "images per step")->check(CLI::Range(1, 1 << 20));
  verb.add_option("--lr", flags.rate, "learning rate at which the schedule starts, or that it reaches (one-cycle)")->check(non_negative);
  verb.add_option("--schedule", flags.schedule,
                  "constant, step, multi-step, exponential, cosine, linear, one-cycle or plateau, with numbers as in multi-step:milestones=80,120,gamma=0.1");
  verb.add_option("--optimizer", flags.optimizer, "sgd or adam");
  verb.add_option("--beta1", flags.beta1, "Adam: decay of the mean of gradients")->check(CLI::Range(0.0, 1.0));
  verb.add_option("--beta2", flags.beta2, "Adam: decay of the mean of squared gradients")->check(CLI::Range(0.0, 1.0));
  verb.add_option("--epsilon", flags.epsilon, "Adam: added to the root of the latter")->check(non_negative);
  verb.add_option("--momentum", flags.momentum, "momentum")->check(CLI::Range(0.0, 1.0));
  auto* nesterov = verb.add_flag("--nesterov", flags.nesterov, "Nesterov's form");
  verb.add_flag("--no-nesterov", flags.no_nesterov, "the plain form")->excludes(nesterov);
  verb.add_option("--weight-decay", flags.weight_decay, "L2 decay, added to the gradient")->check(non_negative);
  verb.add_flag("--no-decay-bn-bias", flags.no_decay_bn_bias, "batch norm and biases do not decay");
  verb.add_option("--l1", flags.l1, "L1 penalty on filters and weights")->check(non_negative);
  verb.add_option("--label-smoothing", flags.smoothing, "share of the label spread over all classes")->check(CLI::Range(0.0, 1.0));
  verb.add_option("--augment", flags.augment, "none, or crop[:PIXELS], crop-mean[:PIXELS], flip, cutout[:SIDE] joined by commas");
  verb.add_option("--seed", flags.seed, "seed of everything that is drawn")->check(seed_value);
  verb.add_option("--patience", flags.patience, "stop after so many epochs without a better validation accuracy")->check(non_negative);
}

}  // namespace

void add_train(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<TrainFlags>();
  CLI::App* verb = app.add_subcommand("train", "Train a net; without flags by its documented recipe");
  verb->add_option("net", flags->net_or_file, "name of a net, or a checkpoint whose structure and weights to start from")->required()->type_name("NET|FILE");
  verb->add_option("--out", flags->out, "folder of the run: checkpoints, metrics.csv, config.json, env.json")->required()->type_name("DIR");
  add_data_flags(*verb, flags->data);
  add_structure_options(*verb, flags->structure);
  add_optimizer_flags(*verb, *flags);
  add_dynamic_flags(*verb, flags->dynamic);
  verb->add_option("--initialisation", flags->initialisation, "rule for the first weights (default: he-normal)");
  verb->add_option("--init", flags->init_file, "trained weights to start from; what does not match stays fresh and is listed")->type_name("FILE");
  verb->add_option("--freeze", flags->freeze, "parameters whose name begins so keep their values (may be repeated)")->type_name("PREFIX");
  verb->add_flag("--published-normalisation", flags->published_normalisation, "the constants that papers use instead of the training part's own");
  verb->add_flag("--log-test", flags->log_test, "test figures of every epoch in metrics.csv; never used for choosing");
  verb->add_option("--resume", flags->resume, "checkpoint of an interrupted run to continue exactly")->type_name("FILE");
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_train(*flags); }; });
}

}  // namespace pliant::cli
