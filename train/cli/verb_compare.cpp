#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>
#include <numeric>

#include "train/cli/common.h"
#include "train/cli/pruning_comparisons.h"
#include "train/cli/train_flags.h"
#include "train/cli/verbs.h"
#include "train/compare/comparison.h"
#include "train/compare/plans.h"
#include "train/interrupt.h"

namespace pliant::cli {

namespace {

constexpr double kSurvival = 0.5;       // Huang et al., 2016
constexpr double kExitDropout = 0.2;    // of Elastic networks' heads

struct CompareOptions {
  std::string comparison, net, out;
  int seeds = 3;
  StructureOptions structure;
  TrainFlags training;
  PruningFlags pruning;
  DeviceOptions device;
  bool json = false, exit_dropout_given = false;
};

// What each comparison does where no flag says otherwise.
void apply_defaults(CompareOptions& o) {
  if (o.comparison == "depth" && !o.structure.stochastic_depth) o.structure.stochastic_depth = kSurvival;
  if (o.comparison == "slimmable" && o.structure.widths.empty()) o.structure.widths = {0.25, 0.5, 0.75, 1.0};
  if (o.comparison == "elastic") {
    if (!o.structure.exits) o.structure.exits = "elastic";
    if (!o.exit_dropout_given) o.structure.exit_dropout = kExitDropout;
  }
  if (o.comparison == "branchy" && !o.training.dynamic.exit_weights) o.training.dynamic.exit_weights = "decreasing";
}

Experiment dynamic_comparison(const std::string& comparison, const NetDescription& net, const TrainConfig& config) {
  if (comparison == "depth") return depth_comparison(net, config);
  if (comparison == "slimmable") return slimmable_comparison(net, config);
  if (comparison == "elastic") return elastic_comparison(net, config);
  return branchy_comparison(net, config);
}

PlannedComparison planned(const CompareOptions& o, const NetDescription& net, const TrainConfig& config) {
  if (is_pruning_comparison(o.comparison)) return plan_pruning_comparison(o.comparison, o.pruning, net, config);
  PlannedComparison planned{.experiment = dynamic_comparison(o.comparison, net, config)};
  return planned;
}

std::string data_text(const Splits& splits) {
  return cat(splits.train.name, ": ", splits.train.size(), " training, ", splits.validation.size(), " validation, ", splits.test.size(),
             " test images");
}

int run_compare(CompareOptions o) {
  const InterruptGuard interrupt;
  apply_defaults(o);
  PLIANT_REQUIRE(UsageError, names_net(o.net), o.net, ": a comparison trains nets from nothing; it takes a net's name");
  PLIANT_REQUIRE(ConfigError, o.structure.masks.empty(), "--mask: a comparison trains nets of several shapes, which have no channels in common to switch off");
  TrainConfig config = recipe(o.net);
  if (is_pruning_comparison(o.comparison)) apply_small_defaults(o.net, config);
  o.training.apply(config);
  const auto context = make_context(o.device);
  config.data.threads = context->threads();
  EngineOptions engine{.out = o.out, .seeds = std::vector<std::uint64_t>(static_cast<std::size_t>(o.seeds))};
  std::iota(engine.seeds.begin(), engine.seeds.end(), std::uint64_t{1});
  const auto load = [data = config.data](std::uint64_t seed) {
    DataOptions own = data;
    own.seed = seed;
    return load_data(own);
  };
  Splits first = load(1);
  if (o.training.data.source == "synthetic") std::cerr << "pliant: comparing on the built-in synthetic set, not on real images\n";
  PlannedComparison plan = planned(o, describe_for(o.net, o.structure, first.train), config);
  Experiment& experiment = plan.experiment;
  experiment.data = data_text(first);
  if (plan.other_data) {
    experiment.other_data = data_text(plan.other_data(1));
    engine.other_data = plan.other_data;
  }
  engine.data = [&](std::uint64_t seed) { return seed == 1 ? std::move(first) : load(seed); };
  engine.interrupted = [&] { return interrupt.requested(); };
  engine.progress = standard_error_output();
  engine.say = [](const std::string& line) { std::cerr << "pliant: " << line << "\n"; };
  for (const std::string& line : experiment.left_out) std::cerr << "pliant: left out: " << line << "\n";
  const ExperimentResults results = run_experiment(*context, experiment, engine);
  if (results.interrupted) {
    std::cerr << "pliant: interrupted; " << o.out << " holds everything, the same command continues\n";
    return InterruptGuard::kExitCode;
  }
  const std::vector<ComparedRow> rows = compare(experiment, results.runs);
  if (plan.report) {
    std::cout << plan.report(*context, experiment, o.out, engine.seeds, rows, o.json);
    return 0;
  }
  write_comparison(o.out, experiment, engine.seeds, rows);
  std::cout << (o.json ? comparison_json(experiment, engine.seeds, rows) + "\n" : comparison_text(experiment, rows));
  return 0;
}

}  // namespace

void add_compare(CLI::App& app, Verb& chosen) {
  auto o = std::make_shared<CompareOptions>();
  CLI::App* verb = app.add_subcommand("compare", "Train a net whose structure changes and its plain counterparts over several seeds, side by side");
  verb->add_option("comparison", o->comparison, "elastic, slimmable, depth or branchy; pruning, structure or lottery")
      ->required()
      ->check(CLI::IsMember({"elastic", "slimmable", "depth", "branchy", "pruning", "structure", "lottery"}));
  verb->add_option("net", o->net, "name of a net")->required()->type_name("NET");
  verb->add_option("--out", o->out, "folder of the comparison; the same command continues what is there")->required()->type_name("DIR");
  verb->add_option("--seeds", o->seeds, "train everything with the seeds 1 to N; more may be added later")->check(CLI::Range(1, 1000))->capture_default_str();
  add_train_flags(*verb, o->training);
  add_structure_options(*verb, o->structure);
  add_pruning_flags(*verb, o->pruning);
  add_device_options(*verb, o->device);
  add_json_flag(*verb, o->json);
  verb->callback([o, verb, &chosen] {
    o->exit_dropout_given = verb->count("--exit-dropout") > 0;
    chosen = [o, verb] {
      require_fitting_flags(*verb, o->comparison);
      return run_compare(*o);
    };
  });
}

}  // namespace pliant::cli
