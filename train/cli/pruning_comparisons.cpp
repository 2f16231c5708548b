#include "train/cli/pruning_comparisons.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <filesystem>

#include "core/check.h"
#include "train/cli/common.h"
#include "train/cli/given.h"
#include "train/cli/prune_plan.h"
#include "train/compare/lottery_plan.h"
#include "train/compare/pruning_report.h"
#include "nets/zoo.h"
#include "train/compare/pruning_runs.h"
#include "train/compare/structure_plan.h"

namespace pliant::cli {

namespace {

constexpr std::int64_t kEpochs = 8, kTrain = 4000, kTest = 1000;  // where no flag says otherwise
constexpr double kRate = 0.1;                                      // of the papers' recipe, whose nets have batch norm
constexpr double kPlainRate = 0.02;                                // of nets without: they do not survive 0.1 from the first step on
constexpr double kScaleSparsity = 1e-4, kBlockSparsity = 0.01;     // Liu et al., 2017, for VGG; Huang and Wang, 2018

struct FlagUse {
  const char* flag;
  std::vector<std::string> comparisons;
};
const std::vector<FlagUse>& flag_uses() {
  static const std::vector<FlagUse> uses = {{"--method", {"pruning", "lottery"}}, {"--ratios", {"pruning", "structure", "lottery"}},
                                            {"--plan", {"pruning"}}, {"--budget", {"pruning"}}, {"--fine-tune-epochs", {"pruning"}},
                                            {"--fine-tune-lr", {"pruning"}}, {"--floor", {"pruning", "structure", "lottery"}},
                                            {"--images", {"pruning", "lottery"}}, {"--what", {"structure"}}, {"--from", {"structure"}},
                                            {"--from-data", {"structure"}}, {"--from-dataset", {"structure"}},
                                            {"--kernel-shapes", {"structure"}}, {"--rates", {"lottery"}}};
  return uses;
}

PruneOptions prune_options(const PruningFlags& flags, const std::string& method) {
  PruneOptions options{.method = method, .floor = is_unstructured(method) ? 0 : 1};
  put(flags.floor, options.floor);
  options.images = flags.images;
  return options;
}

// A plan's name, or that of its file, as the ending of a folder's name.
std::string folder_name(const std::string& plan) {
  std::string name = std::filesystem::path(plan).stem().string();
  for (char& letter : name) {
    if (!std::isalnum(static_cast<unsigned char>(letter)) && letter != '.' && letter != '-' && letter != '_') letter = '-';
  }
  return name;
}

void penalise(const std::string& method, TrainConfig& config) {
  if (method == "slimming" && config.optimizer.scale_sparsity == 0.0) config.optimizer.scale_sparsity = kScaleSparsity;
  if (method == "sss" && config.optimizer.block_sparsity == 0.0) config.optimizer.block_sparsity = kBlockSparsity;
}

PlannedComparison plan_pruning(const PruningFlags& flags, const NetDescription& net, TrainConfig config) {
  PruningComparison what{.prune = prune_options(flags, flags.method.value_or("l1"))};
  const std::string& method = what.prune.method;
  what.budget = flags.budget.value_or(is_unstructured(method) ? "effective" : "flops");
  if (!flags.ratios.empty()) what.ratios = flags.ratios;
  if (flags.plan) {
    PLIANT_REQUIRE(UsageError, flags.ratios.empty(), "--plan and --ratios: the plan has ratios of its own");
    PLIANT_REQUIRE(UsageError, !needs_sparse_training(method) && !is_unstructured(method), "--plan gives layers their ratios; ", method, " finds them itself");
    what.prune.ratios = planned_ratios(*flags.plan, net);
    what.plan = folder_name(*flags.plan);
  }
  put(flags.fine_tune_epochs, what.fine_tune_epochs);
  put(flags.fine_tune_rate, what.fine_tune_rate);
  penalise(method, config);
  PlannedComparison planned{.experiment = pruning_comparison(net, config, what)};
  planned.report = [what](Context& context, const Experiment& experiment, const std::string& out, const std::vector<std::uint64_t>& seeds,
                          const std::vector<ComparedRow>& rows, bool json) {
    const PruningReport report{experiment, what, seeds, pruning_columns(what, rows), kept_structures(context, out, what, seeds)};
    write_pruning_report(out, report);
    return json ? pruning_json(report) + "\n" : pruning_text(report);
  };
  return planned;
}

PlannedComparison plan_structure(const PruningFlags& flags, const NetDescription& net, TrainConfig config) {
  StructureComparison what{.weights = flags.what.value_or("channels") == "weights"};
  if (!flags.ratios.empty()) what.ratios = flags.ratios;
  put(flags.floor, what.floor);
  what.kernel_shapes = flags.kernel_shapes;
  std::function<Splits(std::uint64_t)> other_data;
  PLIANT_REQUIRE(UsageError, flags.from || (!flags.from_data && !flags.from_dataset), "--from-data: say with --from which net is trained on it");
  if (flags.from) {
    PLIANT_REQUIRE(UsageError, names_net(*flags.from), "--from ", *flags.from, ": the net that statistics come from is trained here; give a net's name");
    DataOptions data = config.data;
    put(flags.from_data, data.source);
    put(flags.from_dataset, data.dataset);
    other_data = [data](std::uint64_t seed) {
      DataOptions own = data;
      own.seed = seed;
      return load_data(own);
    };
    what.from = describe_for(*flags.from, {}, other_data(1).train);
  }
  if (!what.weights) penalise("slimming", config);
  PlannedComparison planned{.experiment = structure_comparison(net, config, what), .other_data = other_data};
  planned.report = [](Context&, const Experiment& experiment, const std::string& out, const std::vector<std::uint64_t>& seeds,
                      const std::vector<ComparedRow>& rows, bool json) {
    const Table table = structure_table(experiment, rows);
    const std::string line = structure_json(experiment, seeds, rows);
    write_report(out, table.text(), table, line, comparison_chart(experiment, rows, ChartOf::error_over_parameters));
    return json ? line + "\n" : table.text();
  };
  return planned;
}

PlannedComparison plan_lottery(const PruningFlags& flags, const NetDescription& net, const TrainConfig& config) {
  LotteryComparison what{.prune = prune_options(flags, flags.method.value_or("magnitude"))};
  if (!flags.ratios.empty()) what.ratios = flags.ratios;
  if (!flags.rates.empty()) what.rates = flags.rates;
  PlannedComparison planned{.experiment = lottery_comparison(net, config, what)};
  planned.report = [](Context&, const Experiment& experiment, const std::string& out, const std::vector<std::uint64_t>& seeds,
                      const std::vector<ComparedRow>& rows, bool json) {
    const std::string text = comparison_text(experiment, rows), line = comparison_json(experiment, seeds, rows);
    write_report(out, text, comparison_table(rows), line, comparison_chart(experiment, rows, ChartOf::accuracy_over_parameters));
    return json ? line + "\n" : text;
  };
  return planned;
}

}  // namespace

void add_pruning_flags(CLI::App& verb, PruningFlags& flags) {
  const auto positive = CLI::Range(std::int64_t{1}, std::int64_t{1} << 24);
  verb.add_option("--method", flags.method, "pruning, lottery: a method of `pliant prune` (default l1; lottery: magnitude)");
  verb.add_option("--ratios", flags.ratios, "shares that go, an architecture each, e.g. 0.3,0.5")->delimiter(',');
  verb.add_option("--plan", flags.plan, "pruning: a published plan by name, or a JSON file {\"LAYER\": RATIO}")->type_name("NAME|FILE");
  verb.add_option("--budget", flags.budget, "pruning: what Scratch-B counts: flops (as published), macs, or effective (without masked weights; "
                  "default of magnitude)")->check(CLI::IsMember({"flops", "macs", "effective"}));
  verb.add_option("--fine-tune-epochs", flags.fine_tune_epochs, "pruning: epochs of fine-tuning (default: a quarter)")->check(positive);
  verb.add_option("--fine-tune-lr", flags.fine_tune_rate, "pruning: its constant rate (default 0.001)")->check(above_zero);
  verb.add_option("--floor", flags.floor, "channels that every layer keeps (default 1)")->check(CLI::Range(std::int64_t{0}, std::int64_t{1} << 20));
  verb.add_option("--images", flags.images, "for methods that are measured on images: so many of the training part")->check(positive);
  verb.add_option("--what", flags.what, "structure: of channels (default) or of weights")->check(CLI::IsMember({"channels", "weights"}));
  verb.add_option("--from", flags.from, "structure: the net whose statistics are transferred")->type_name("NET");
  verb.add_option("--from-data", flags.from_data, "structure: the images that net is trained on (default: the same)")->type_name("DIR");
  verb.add_option("--from-dataset", flags.from_dataset, "structure: which set of them, as --dataset");
  verb.add_option("--kernel-shapes", flags.kernel_shapes, "structure, weights: also nets with cross, centre or graded kernels")
      ->delimiter(',')
      ->check(CLI::IsMember({"cross", "centre", "graded"}));
  verb.add_option("--rates", flags.rates, "lottery: learning rates (default 0.1,0.01)")->delimiter(',');
}

bool is_pruning_comparison(const std::string& comparison) {
  return comparison == "pruning" || comparison == "structure" || comparison == "lottery";
}

void require_fitting_flags(const CLI::App& verb, const std::string& comparison) {
  for (const FlagUse& use : flag_uses()) {
    const bool fits = std::find(use.comparisons.begin(), use.comparisons.end(), comparison) != use.comparisons.end();
    PLIANT_REQUIRE(UsageError, fits || verb.count(use.flag) == 0, use.flag, ": is not a flag of compare ", comparison);
  }
  PLIANT_REQUIRE(UsageError, comparison != "lottery" || verb.count("--lr") == 0, "--lr: compare lottery takes --rates, one or several");
}

void apply_small_defaults(const std::string& net_name, TrainConfig& config) {
  const Net net = build_net(default_description(net_name));
  const auto& parameters = net.store->parameters();
  const bool normalised = std::any_of(parameters.begin(), parameters.end(), [](const Parameter& one) { return one.role == Role::scale; });
  config.epochs = kEpochs;
  config.rate = normalised ? kRate : kPlainRate;
  config.schedule = {.kind = ScheduleKind::multi_step};
  config.initialisation = name_of(normalised ? InitialRule::he_normal_out : InitialRule::he_normal);
  config.data.limit_train = kTrain;
  config.data.limit_test = kTest;
}

PlannedComparison plan_pruning_comparison(const std::string& comparison, const PruningFlags& flags, const NetDescription& net, TrainConfig config) {
  if (comparison == "pruning") return plan_pruning(flags, net, std::move(config));
  if (comparison == "structure") return plan_structure(flags, net, std::move(config));
  return plan_lottery(flags, net, config);
}

}  // namespace pliant::cli
