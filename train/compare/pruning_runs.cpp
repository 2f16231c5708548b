#include "train/compare/pruning_runs.h"

#include <algorithm>
#include <cmath>

#include "core/check.h"
#include "kernels/elementwise.h"
#include "nets/compact.h"
#include "nets/zoo.h"
#include "train/checkpoint.h"
#include "train/device_data.h"
#include "train/files/text.h"
#include "train/pruning/blocks.h"
#include "train/pruning/magnitude.h"

namespace pliant {

namespace {

// Fresh values are drawn with another seed than the run's own, with which the big net began.
constexpr std::uint64_t kFresh = 0x46524553;

}  // namespace

void require_prunable(const NetDescription& description, const PruneOptions& options) {
  const std::vector<std::string>& methods = prune_methods();
  std::string known;
  for (const std::string& name : methods) known += cat(known.empty() ? "" : " ", name);
  PLIANT_REQUIRE(UsageError, std::find(methods.begin(), methods.end(), options.method) != methods.end(), "there is no method ",
                 in_quotes(options.method), " of pruning; the methods are ", known);
  const Net net = build_net(description);
  PLIANT_REQUIRE(ConfigError, options.method != "sss" || net.blocks > 0, description.name, ": has no residual blocks that ", options.method, " could remove");
  if (options.method != "sss" && !is_unstructured(options.method)) prunable_groups(net, options);
}

std::string prune_text(const PruneOptions& o) {
  std::string text = "prune by " + o.method;
  if (o.ratio) text += " " + number_text(*o.ratio);
  for (const auto& [axis, ratio] : o.ratios) text += cat(" ", axis, "=", number_text(ratio));
  if (o.global) text += *o.global ? ", one threshold" : ", a threshold each";
  if (o.greedy) text += ", greedy";
  if (o.streams) text += ", streams too";
  if (o.floor > 0) text += cat(", floor ", o.floor);
  if (o.most < 1.0) text += cat(", at most ", number_text(o.most));
  if (o.round_to > 1) text += cat(", multiples of ", o.round_to);
  if (o.fold_constants) text += ", constants folded";
  if (o.images) text += cat(", ", *o.images, " images");
  return text;
}

bool needs_sparse_training(const std::string& method) { return method == "slimming" || method == "sss"; }
bool is_unstructured(const std::string& method) { return method == "magnitude"; }

Net pruned_net(Context& context, const std::string& checkpoint, const PruneOptions& options, const Splits& splits) {
  Net net = load_checkpoint(context, checkpoint).net;
  DeviceData data;
  if (prune_needs_data(options.method)) {
    data = to_device(context, splits.train, splits.normalisation);
    fit_to(data, net.description);
  }
  prune(net, options, data);
  if (options.method == "sss") return fold_block_scales(net);
  return is_unstructured(options.method) ? std::move(net) : compact(net);
}

void copy_weight_masks(const Net& from, Net& to) {
  for (Parameter& target : to.store->parameters()) {
    const Parameter* source = from.store->find(target.name);
    PLIANT_REQUIRE(ConfigError, source && source->shape() == target.shape(), "masks of ", from.description.name, ": parameter ", target.name,
                   " of the other net is not there, or has another shape");
    if (!source->mask) continue;
    target.mask = source->mask.clone();
    kernels::choose(target.mask, target.value.clone(), Tensor::zeros_like(target.value), target.value);
  }
}

Net fresh_net(const Net& like, const TrainConfig& config, bool by_density) {
  Net net = build_net(like.description);
  net.store->allocate(like.store->context(), like.store->dtype(), like.store->compute_dtype());
  const std::uint64_t seed = config.seed ^ (kFresh << 24);
  bool masked = false;
  for (Parameter& target : net.store->parameters()) {
    const Parameter& source = *like.store->find(target.name);
    if (source.mask) target.mask = source.mask.clone();
    masked = masked || source.mask;
  }
  if (masked && by_density) {
    initialise_sparse(net, seed, config.scale_init);
  } else {
    initialise(net, seed, initial_rule(config.initialisation), config.scale_init);
    copy_weight_masks(like, net);
  }
  return net;
}

TrainConfig without_penalties(TrainConfig config) {
  config.optimizer.scale_sparsity = 0.0;
  config.optimizer.block_sparsity = 0.0;
  return config;
}

TrainConfig of_prepared(TrainConfig config) {
  config = without_penalties(std::move(config));
  config.init_file.clear();
  return config;
}

TrainConfig with_epochs(TrainConfig config, std::int64_t epochs) {
  const double stretch = static_cast<double>(epochs) / static_cast<double>(config.epochs);
  if (config.schedule.kind == ScheduleKind::multi_step) {
    double before = 0.0;  // in very short runs milestones would meet, which a schedule refuses
    for (Milestone& milestone : config.schedule.milestones) {
      const double share = milestone.percent ? milestone.value / 100.0 : milestone.value / static_cast<double>(config.epochs);
      milestone = {std::max(std::floor(share * static_cast<double>(epochs)), before + 1.0), false};
      before = milestone.value;
    }
  } else if (config.schedule.kind == ScheduleKind::step) {
    config.schedule.size = std::max(1.0, std::floor(config.schedule.size * stretch));
  }
  config.epochs = epochs;
  return config;
}

}  // namespace pliant
