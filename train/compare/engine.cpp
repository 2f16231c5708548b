#include "train/compare/engine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <numeric>

#include "core/check.h"
#include "nets/json.h"
#include "nets/zoo.h"
#include "train/checkpoint.h"
#include "train/files/atomic_file.h"
#include "train/version.h"

namespace pliant {

namespace {

namespace fs = std::filesystem;

constexpr const char* kRecord = "experiment.json";
constexpr const char* kResult = "result.json";
constexpr const char* kStart = "start.safetensors";

bool exists(const std::string& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

std::string content(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  PLIANT_REQUIRE(FileError, in.good(), path, ": cannot be read");
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string folder_of(const std::string& out, const std::string& run, std::uint64_t seed) {
  return (fs::path(out) / run / cat("seed", seed)).string();
}

TrainConfig configured(const PlannedRun& run, std::uint64_t seed) {
  TrainConfig config = run.config;
  config.seed = config.data.seed = seed;
  return config;
}

// Builds every net and its step once, so that a run that cannot be is refused before hours of training.
void try_runs(Context& context, const Experiment& experiment) {
  for (const PlannedRun& run : experiment.runs) {
    try {
      initial_rule(run.config.initialisation);
      Net net = build_net(run.net);
      net.store->allocate(context, DType::f32);
      TrainStep(net, run.config);
    } catch (const ConfigError& error) {
      throw ConfigError(cat("run ", run.name, ": ", error.what()));
    }
  }
}

// A folder is new, or holds this experiment.
void claim_folder(const Context& context, const Experiment& experiment, const std::string& out) {
  const std::string now = to_json(experiment);
  const bool known = exists((fs::path(out) / kRecord).string());
  const RunFolder folder(out, true);
  if (known) {
    const auto difference = first_difference(content(folder.file(kRecord)), now);
    PLIANT_REQUIRE(ConfigError, !difference, "--out ", out, ": holds another experiment: ", *difference,
                   "; give the former flags to continue it, or a new folder");
    return;
  }
  std::error_code ignored;
  PLIANT_REQUIRE(ConfigError, fs::is_empty(out, ignored), "--out ", out, ": the folder is not empty and holds no comparison; name a new one");
  folder.write_environment({{"pliant", program_version()}, {"device", name_of(context.device())}, {"threads", std::to_string(context.threads())}});
  write_file_atomically(folder.file(kRecord), now);
}

// An epoch that was interrupted counts by its speed.
void put_times(const RunFolder& folder, std::int64_t images, RunResult& result) {
  MetricsColumns columns;
  std::vector<double> seconds;
  for (const MetricsRow& row : read_metrics(folder.metrics(), columns)) {
    seconds.push_back(row.images_per_second > 0.0 ? static_cast<double>(images) / row.images_per_second : row.seconds);
  }
  PLIANT_REQUIRE(FileError, !seconds.empty(), folder.metrics(), ": holds no epoch of a run that is finished");
  result.epochs = static_cast<std::int64_t>(seconds.size());
  result.seconds = std::accumulate(seconds.begin(), seconds.end(), 0.0);
  const auto middle = seconds.begin() + static_cast<std::ptrdiff_t>(seconds.size() / 2);
  std::nth_element(seconds.begin(), middle, seconds.end());
  result.epoch_seconds = *middle;
}

class Engine {
 public:
  Engine(Context& context, const Experiment& experiment, const EngineOptions& options)
      : context_(context), experiment_(experiment), options_(options) {}

  // Nothing where the run was interrupted.
  std::optional<RunResult> train(const PlannedRun& run, std::uint64_t seed, const Splits& splits) const {
    const RunFolder folder(folder_of(options_.out, run.name, seed), true);
    const bool resumed = exists(folder.last_checkpoint());
    TrainConfig config = configured(run, seed);
    LoadedNet start = resumed ? resume(run, folder, config) : begin(run, splits, folder, config);
    Trainer trainer(start.net, splits, config, folder);
    if (resumed) trainer.restore(start.info.trainer_state, start.arenas);
    write_config(folder, run, start.net.description, config);
    const TrainResult trained = trainer.run(options_.progress, options_.interrupted);
    if (trained.interrupted) return std::nullopt;
    const LoadedNet best = load_checkpoint(context_, trained.checkpoint);
    RunResult result{.best_epoch = trained.best_epoch};
    put_times(folder, splits.train.size(), result);
    result.images = splits.train.size();
    if (run.prepared) result.start_accuracy = accuracy_of(folder.file(kStart), splits, config);
    result.rows = run.measure ? run.measure(best.net, trained) : all_rows(best.net, trained);
    write_file_atomically(folder.file(kResult), to_json(result));
    return result;
  }

 private:
  LoadedNet fresh(const PlannedRun& run, const TrainConfig& config) const {
    LoadedNet start{.net = build_net(run.net)};
    start.net.store->allocate(context_, DType::f32);
    initialise(start.net, config.seed, initial_rule(config.initialisation), config.scale_init);
    const std::string weights =
        run.start_from.empty() ? config.init_file : RunFolder(folder_of(options_.out, run.start_from, config.seed), true).best_checkpoint();
    if (weights.empty()) return start;
    const WeightReport report = load_weights(start.net, weights, WeightPolicy::matching);
    options_.say(cat("run ", run.name, ": ", report.loaded.size(), " tensors from ", weights, ", ", report.fresh.size(), " fresh"));
    return start;
  }

  // What a run begins with; `config` becomes that of a prepared one.
  LoadedNet begin(const PlannedRun& run, const Splits& splits, const RunFolder& folder, TrainConfig& config) const {
    LoadedNet start;
    if (run.prepared) {
      const std::string& from = run.prepared->from;
      Prepared made = run.prepared->make(context_, from.empty() ? FormerRun{} : checkpoints_of(options_.out, from, config.seed), splits, config);
      PLIANT_INVARIANT(made.config.seed == config.seed, "run ", run.name, ": its preparation changed the seed");
      start.net = std::move(made.net);
      config = made.config;
    } else {
      start = fresh(run, config);
    }
    const bool asked_for = std::any_of(experiment_.runs.begin(), experiment_.runs.end(),
                                       [&](const PlannedRun& other) { return other.prepared && other.prepared->from == run.name; });
    if (run.prepared || asked_for) {
      save_checkpoint(folder.file(kStart), start.net, {.class_names = splits.train.class_names, .normalisation = splits.normalisation});
    }
    return start;
  }

  LoadedNet resume(const PlannedRun& run, const RunFolder& folder, TrainConfig& config) const {
    LoadedNet last = load_checkpoint(context_, folder.last_checkpoint());
    const NetDescription expected = run.prepared ? read_checkpoint_header(folder.file(kStart)).description : run.net;
    PLIANT_REQUIRE(FileError, last.net.description == expected, folder.last_checkpoint(), ": holds another net than run ", run.name, " trains");
    if (!run.prepared) return last;
    const DataOptions data = config.data;
    config = config_from_json(content(folder.config()));
    config.data = data;
    return last;
  }

  double accuracy_of(const std::string& checkpoint, const Splits& splits, const TrainConfig& config) const {
    const LoadedNet loaded = load_checkpoint(context_, checkpoint);
    DeviceData test = to_device(context_, splits.test, splits.normalisation);
    fit_to(test, loaded.net.description, config.augmentation);
    return evaluate(loaded.net, test, config.batch).last().accuracy;
  }

  void write_config(const RunFolder& folder, const PlannedRun& run, const NetDescription& net, const TrainConfig& config) const {
    auto json = nlohmann::ordered_json::parse(to_json(config));
    json["data"] = experiment_.data;
    json["start_from"] = run.start_from;
    if (run.prepared) json["prepared"] = {{"from", run.prepared->from}, {"how", run.prepared->text}};
    json["net"] = nlohmann::ordered_json::parse(to_json(net));
    folder.write_config(json_text(json));
  }

  Context& context_;
  const Experiment& experiment_;
  const EngineOptions& options_;
};

}  // namespace

FormerRun checkpoints_of(const std::string& out, const std::string& run, std::uint64_t seed) {
  const fs::path folder(folder_of(out, run, seed));
  return {(folder / "best.safetensors").string(), (folder / kStart).string()};
}

namespace {

// The data of one seed, loaded where they are needed.
class SeedData {
 public:
  SeedData(const EngineOptions& options, std::uint64_t seed) : options_(options), seed_(seed) {}
  const Splits& of(const PlannedRun& run) {
    std::optional<Splits>& splits = run.other_data ? other_ : own_;
    if (!splits) {
      splits = (run.other_data ? options_.other_data : options_.data)(seed_);
      PLIANT_REQUIRE(DataError, splits->test.size() > 0, "a comparison is measured on the test part, which is empty");
    }
    return *splits;
  }

 private:
  const EngineOptions& options_;
  std::uint64_t seed_;
  std::optional<Splits> own_, other_;
};

}  // namespace

ExperimentResults run_experiment(Context& context, const Experiment& experiment, const EngineOptions& options) {
  check(experiment);
  PLIANT_REQUIRE(ConfigError, !options.seeds.empty(), experiment.name, ": there is no seed");
  try_runs(context, experiment);
  claim_folder(context, experiment, options.out);
  const Engine engine(context, experiment, options);
  ExperimentResults results;
  for (std::size_t i = 0; i < options.seeds.size(); ++i) {
    const std::uint64_t seed = options.seeds[i];
    SeedData data(options, seed);
    for (std::size_t j = 0; j < experiment.runs.size(); ++j) {
      const PlannedRun& run = experiment.runs[j];
      const std::string recorded = (fs::path(folder_of(options.out, run.name, seed)) / kResult).string();
      if (exists(recorded)) {
        results.runs.push_back({run.name, seed, run_result_from_json(content(recorded), recorded)});
        continue;
      }
      if (options.interrupted()) return {true, std::move(results.runs)};
      const Splits& splits = data.of(run);
      options.say(cat("run ", run.name, ", seed ", seed, " (", i * experiment.runs.size() + j + 1, " of ",
                      options.seeds.size() * experiment.runs.size(), ")"));
      const auto result = engine.train(run, seed, splits);
      if (!result) return {true, std::move(results.runs)};
      results.runs.push_back({run.name, seed, *result});
    }
  }
  return results;
}

}  // namespace pliant
