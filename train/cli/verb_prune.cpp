#include <CLI/CLI.hpp>
#include <iostream>
#include <memory>

#include "kernels/elementwise.h"
#include "nets/compact.h"
#include "train/cli/checkpoint_data.h"
#include "train/cli/common.h"
#include "train/cli/data_flags.h"
#include "train/cli/prune_plan.h"
#include "train/cli/prune_report.h"
#include "train/cli/verbs.h"
#include "train/evaluate.h"
#include "train/interrupt.h"
#include "train/pruning/blocks.h"
#include "train/pruning/constants.h"
#include "train/trainer.h"

namespace pliant::cli {

namespace {

constexpr double kLargestDifference = 1e-4;  // of logits, relative

struct PruneFlags {
  std::string file, output, plan, scope, constants = "zero", explain, rewind, run;
  PruneOptions options;
  std::vector<std::string> ratios;
  bool remove = false, dry_run = false, json = false;
  std::int64_t fine_tune = 0, time_batch = 32;
  double rate = 0.001;
  DataFlags data;
  DeviceOptions device;
};

// The images: a part to measure methods on, one to report accuracy on, and all splits for fine-tuning.
struct Images {
  DataOptions options;
  Splits splits;
  DeviceData training, test;
};

Images load_images(Context& context, const PruneFlags& flags, const LoadedNet& loaded) {
  Images images;
  if (flags.data.source.empty()) return images;
  DataOptions options = recorded_data(loaded.info);
  flags.data.apply(options);
  options.threads = context.threads();
  images.options = options;
  images.splits = load_data(options);
  images.training = part_for(context, loaded, flags.file, images.splits.train, images.splits.normalisation);
  if (images.splits.test.size() > 0) images.test = part_for(context, loaded, flags.file, images.splits.test, images.splits.normalisation);
  return images;
}

// Images to compare logits on: some of the data, else noise.
Tensor probe(const Net& net, const DeviceData& data) {
  constexpr std::int64_t kCount = 16;
  Context& context = net.store->context();
  if (data.size() > 0) {
    std::vector<std::int32_t> first(static_cast<std::size_t>(std::min(kCount, data.size())));
    for (std::size_t i = 0; i < first.size(); ++i) first[i] = static_cast<std::int32_t>(i);
    const Tensor samples = Tensor::from_host(context, {static_cast<std::int64_t>(first.size())}, first);
    return make_batch(data, samples, random_key(context, 0, 0), {}, net.store->compute_dtype()).images;
  }
  return random_images(net, kCount);
}

PruneOptions options_of(const PruneFlags& flags, const Net& net) {
  PruneOptions options = flags.options;
  if (!flags.scope.empty()) options.global = flags.scope == "global";
  options.fold_constants = flags.constants == "fold";
  options.ratios = flags.plan.empty() ? listed_ratios(flags.ratios) : planned_ratios(flags.plan, net.description);
  return options;
}

// Values from the file that training started from, under the masks (Frankle and Carbin, "The lottery ticket hypothesis", 2019).
void rewind(Net& net, const std::string& path) {
  const LoadedNet start = load_checkpoint(net.store->context(), path, net.store->dtype());
  PLIANT_REQUIRE(ConfigError, start.net.description == net.description, path,
                 ": holds another structure than the net that is pruned; give the file that its training started from");
  for (Parameter& parameter : net.store->parameters()) {
    const Tensor& first = start.net.store->find(parameter.name)->value;
    if (parameter.mask) {
      kernels::choose(parameter.mask, first, Tensor::zeros_like(first), parameter.value);
    } else {
      parameter.value.copy_from(first);
    }
  }
}

// How far the logits are from those of the net whose filters are zero and whose batch norm still adds its constants.
double constants_difference(const Net& before, const Net& masked, const Pruning& pruning, const Tensor& images) {
  Net zeroed = copy_of(before);
  std::map<std::string, std::vector<std::int32_t>> kept;
  for (const PrunedAxis& axis : pruning.axes) kept[axis.axis] = axis.kept;
  zero_filters(zeroed, kept);
  return largest_difference(zeroed, masked, images);
}

// Trains `net` on, otherwise as its checkpoint's run did.
Net fine_tuned(const PruneFlags& flags, Net& net, const LoadedNet& loaded, Images& images) {
  const InterruptGuard interrupt;
  TrainConfig config = fine_tuning(recorded_config(loaded.info, net.description.name), flags.fine_tune, flags.rate);
  config.data = images.options;
  if (!loaded.info.normalisation.mean.empty()) images.splits.normalisation = loaded.info.normalisation;
  const RunFolder folder(flags.run, false);
  Trainer trainer(net, images.splits, config, folder);
  const TrainResult result = trainer.run(standard_error_output(), [&] { return interrupt.requested(); });
  PLIANT_REQUIRE(Error, !result.interrupted, "fine-tuning was interrupted; ", result.checkpoint, " holds what was reached, `pliant train ",
                 net.description.name, " --resume` goes on from it");
  return std::move(load_checkpoint(net.store->context(), result.checkpoint).net);
}

void add_times(PruneReport& report, const std::vector<const Net*>& nets) {
  std::vector<std::function<void()>> runs;
  for (const Net* net : nets) {
    runs.emplace_back([net, images = random_images(*net, report.time_batch)] {
      Pass pass{.context = net->store->context()};
      forward(*net, pass, Var{images});
    });
  }
  const std::vector<Timing> times = time_in_turns(nets[0]->store->context(), runs, {.least = 5, .most = 50});
  for (std::size_t i = 0; i < times.size(); ++i) report.rows[i].time = times[i];
}

void require_useful(const PruneFlags& flags) {
  PLIANT_REQUIRE(UsageError, flags.dry_run || !flags.output.empty(), "prune: say where the net goes with --output, or look first with --dry-run");
  PLIANT_REQUIRE(UsageError, flags.fine_tune == 0 || (!flags.run.empty() && !flags.data.source.empty()),
                 "prune: --fine-tune needs --data, and --run for the folder of its run");
  PLIANT_REQUIRE(UsageError, !flags.dry_run || flags.fine_tune == 0, "prune: a dry run does not fine-tune");
  PLIANT_REQUIRE(UsageError, !prune_needs_data(flags.options.method) || !flags.data.source.empty(), flags.options.method,
                 ": is measured on images; give --data");
}

int run_prune(const PruneFlags& flags) {
  require_useful(flags);
  const auto context = make_context(flags.device);
  const LoadedNet loaded = load_checkpoint(*context, flags.file);
  Net net = load_checkpoint(*context, flags.file).net;
  PruneReport report{.options = options_of(flags, net), .time_batch = flags.time_batch};
  Images images = load_images(*context, flags, loaded);
  report.pruning = prune(net, report.options, images.training);
  if (!flags.rewind.empty()) rewind(net, flags.rewind);
  Net smaller = flags.options.method == "sss" ? fold_block_scales(net) : compact(net);
  const Tensor some = probe(net, images.test);
  report.largest_difference = largest_difference(net, smaller, some);
  PLIANT_REQUIRE(Error, report.largest_difference <= kLargestDifference, flags.file, ": the masked net and the one that is really smaller differ by ",
                 report.largest_difference, " relative, more than ", kLargestDifference, "; nothing was written");
  report.kept = smaller.description.kept;
  report.removed_blocks = smaller.description.removed_blocks;
  if (!report.pruning.axes.empty() && flags.rewind.empty()) report.constants_difference = constants_difference(loaded.net, net, report.pruning, some);
  if (!flags.explain.empty()) std::cout << explain_text(loaded.net, report.pruning, flags.explain) << "\n";
  report.rows = {prune_row("before", loaded.net), prune_row("masked", net), prune_row("removed", smaller)};
  std::vector<const Net*> nets = {&loaded.net, &net, &smaller};
  const auto add_accuracy = [&](std::size_t i) {
    if (images.test.size() > 0) report.rows[i].accuracy = evaluate(*nets[i], images.test, flags.options.batch).last().accuracy;
  };
  for (std::size_t i = 0; i < nets.size(); ++i) add_accuracy(i);
  Net& result = flags.remove ? smaller : net;
  if (flags.fine_tune > 0) {
    result = fine_tuned(flags, result, loaded, images);
    report.rows.push_back(prune_row("fine-tuned", result));
    nets.push_back(&result);
    add_accuracy(nets.size() - 1);
  }
  add_times(report, nets);
  if (!flags.dry_run) {
    save_checkpoint(flags.output, result, loaded.info);
    report.checkpoint = flags.output;
  }
  std::cout << (flags.json ? to_json(report) + "\n" : to_text(report));
  return 0;
}

void add_choice_flags(CLI::App& verb, PruneFlags& flags) {
  PruneOptions& o = flags.options;
  verb.add_option("--method", o.method, "l1, l2, random, geometric-median, outgoing, gamma, taylor, change1 or change2 (a score of channels), slimming, "
                  "thinet, regression, sss (residual branches) or magnitude (single weights)")->check(CLI::IsMember(prune_methods()))->capture_default_str();
  auto* ratio = verb.add_option("--ratio", o.ratio, "share that goes, between 0 and 1: of each layer's channels, of all channels, weights or blocks");
  auto* ratios = verb.add_option("--ratios", flags.ratios, "shares of single layers, e.g. features.0=0.5,features.3=0.25; other layers stay whole")
                     ->delimiter(',')->type_name("LAYER=RATIO");
  verb.add_option("--plan", flags.plan, "shares of layers by the name of a published plan, such as vgg16-a, or from a JSON file {\"LAYER\": RATIO}")
      ->excludes(ratio)->excludes(ratios);
  ratio->excludes(ratios);
  verb.add_option("--scope", flags.scope, "layer (a share of each layer) or global (one threshold over all layers or weights; slimming and magnitude always "
                  "unless told otherwise)")->check(CLI::IsMember({"layer", "global"}));
  verb.add_flag("--greedy", o.greedy, "sums of filters leave out what reads channels that earlier layers lost");
  verb.add_flag("--streams", o.streams, "also the channels that residual sums and concatenations share");
  verb.add_option("--floor", o.floor, "channels that every layer keeps; without it a layer that would lose all is an error")->check(CLI::Range(0, 1 << 20));
  verb.add_option("--most", o.most, "largest share of a layer that goes")->check(CLI::Range(0.0, 1.0))->capture_default_str();
  verb.add_option("--round-to", o.round_to, "round the channels that stay up to a multiple")->check(CLI::Range(1, 1 << 12))->capture_default_str();
  verb.add_option("--constants", flags.constants, "what removed channels leave behind batch norm: zero (dropped) or fold (into the next layer, where exact)")
      ->check(CLI::IsMember({"zero", "fold"}))->capture_default_str();
  verb.add_option("--images", o.images, "of the training part, for methods that are measured on images (default: 64 for scores, 1000 to rebuild layers)")
      ->check(CLI::Range(1, 1 << 24));
  verb.add_option("--seed", o.seed, "of what is drawn")->check(seed_value)->capture_default_str();
}

}  // namespace

void add_prune(CLI::App& app, Verb& chosen) {
  auto flags = std::make_shared<PruneFlags>();
  CLI::App* verb = app.add_subcommand("prune", "Mask or remove the channels, branches or weights of a trained net that matter least");
  verb->add_option("file", flags->file, "checkpoint")->required()->type_name("FILE");
  add_choice_flags(*verb, *flags);
  verb->add_option("--output", flags->output, "checkpoint to write: masked, or smaller with --remove")->type_name("OUT");
  verb->add_flag("--remove", flags->remove, "write the really smaller net");
  verb->add_flag("--dry-run", flags->dry_run, "only tell what would go");
  verb->add_option("--explain", flags->explain, "scores, threshold, kept channels and costs of one layer")->type_name("LAYER");
  verb->add_option("--rewind", flags->rewind, "reset what is left to the values of this checkpoint, with which the training began (lottery ticket)")
      ->type_name("FILE");
  verb->add_option("--fine-tune", flags->fine_tune, "epochs of training afterwards")->check(CLI::Range(0, 1 << 20));
  verb->add_option("--lr", flags->rate, "constant learning rate of fine-tuning")->check(above_zero)->capture_default_str();
  verb->add_option("--run", flags->run, "folder of the fine-tuning run")->type_name("DIR");
  verb->add_option("--batch", flags->options.batch, "images at a time for accuracies")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  verb->add_option("--time-batch", flags->time_batch, "images of a pass that is timed")->check(CLI::Range(1, 1 << 20))->capture_default_str();
  add_data_flags(*verb, flags->data, false);
  add_device_options(*verb, flags->device);
  add_json_flag(*verb, flags->json);
  verb->callback([flags, &chosen] { chosen = [flags] { return run_prune(*flags); }; });
}

}  // namespace pliant::cli
