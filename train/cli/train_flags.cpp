#include "train/cli/train_flags.h"

#include <CLI/CLI.hpp>

#include "core/check.h"
#include "train/cli/common.h"
#include "train/cli/given.h"
#include "train/precision.h"

namespace pliant::cli {

namespace {

// Nets made for images of this size or more keep it: smaller images are resized on the fly.
constexpr std::int64_t kResized = 64;

void add_schedule_flags(CLI::App& verb, TrainFlags& flags) {
  verb.add_option("--epochs", flags.epochs, "epochs")->check(CLI::Range(1, 1000000));
  verb.add_option("--batch", flags.batch, "images per step")->check(CLI::Range(1, 1 << 20));
  verb.add_option("--lr", flags.rate, "learning rate at which the schedule starts, or that it reaches (one-cycle)")->check(non_negative);
  verb.add_option("--schedule", flags.schedule,
                  "constant, step, multi-step, exponential, cosine, linear, one-cycle or plateau, with numbers as in multi-step:milestones=80,120,gamma=0.1");
  verb.add_option("--label-smoothing", flags.smoothing, "share of the label spread over all classes")->check(CLI::Range(0.0, 1.0));
  verb.add_option("--augment", flags.augment,
                  "none, or crop[:PIXELS], crop-mean[:PIXELS], resized-crop[:SHARE], flip, jitter[:B/C/S/H], cutout[:SIDE] joined by commas");
  verb.add_option("--patience", flags.patience, "stop after so many epochs without a better validation accuracy")->check(non_negative);
}

}  // namespace

void TrainFlags::apply(TrainConfig& config) const {
  put(epochs, config.epochs);
  put(batch, config.batch);
  put(patience, config.patience);
  put(rate, config.rate);
  put(momentum, config.optimizer.momentum);
  put(weight_decay, config.optimizer.weight_decay);
  put(l1, config.optimizer.l1);
  put(scale_sparsity, config.optimizer.scale_sparsity);
  put(block_sparsity, config.optimizer.block_sparsity);
  put(beta1, config.optimizer.beta1);
  put(beta2, config.optimizer.beta2);
  put(epsilon, config.optimizer.epsilon);
  put(smoothing, config.smoothing);
  put(seed, config.seed);
  put(initialisation, config.initialisation);
  put(scale_init, config.scale_init);
  put(init_file, config.init_file);
  if (precision) {
    config.precision = *precision;
    config.optimizer.loss_scale = default_loss_scale(parse_precision(*precision));
  }
  put(loss_scale, config.optimizer.loss_scale);
  if (optimizer) config.optimizer.kind = parse_optimizer(*optimizer);
  if (schedule) config.schedule = parse_schedule(*schedule);
  if (augment) config.augmentation = parse_augmentation(*augment);
  if (nesterov) config.optimizer.nesterov = true;
  if (no_nesterov) config.optimizer.nesterov = false;
  if (no_decay_bn_bias) config.optimizer.decay_all = false;
  if (published_normalisation) config.data.normalisation = NormalisationKind::published;
  if (log_test) config.log_test = true;
  if (!freeze.empty()) config.freeze = freeze;
  dynamic.apply(config.dynamic);
  sparsity.apply(config.sparsity);
  data.apply(config.data);
  config.data.seed = config.seed;
}

void add_optimizer_flags(CLI::App& verb, TrainFlags& flags) {
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
  verb.add_option("--scale-sparsity", flags.scale_sparsity, "L1 penalty on the scales of batch norm (network slimming)")->check(non_negative);
  verb.add_option("--block-sparsity", flags.block_sparsity, "L1 penalty on the factors of --block-scales, which become exactly 0 (SGD)")->check(non_negative);
}

void add_train_flags(CLI::App& verb, TrainFlags& flags) {
  add_data_flags(verb, flags.data);
  add_schedule_flags(verb, flags);
  add_optimizer_flags(verb, flags);
  add_dynamic_flags(verb, flags.dynamic);
  add_sparsity_flags(verb, flags.sparsity);
  verb.add_option("--initialisation", flags.initialisation, "rule for the first weights (default: he-normal)");
  verb.add_option("--scale-init", flags.scale_init, "where the scales of batch norm start (default: 1)")->check(above_zero);
  verb.add_option("--init", flags.init_file, "trained weights to start from; what does not match stays fresh and is listed")->type_name("FILE");
  verb.add_option("--freeze", flags.freeze, "parameters whose name begins so keep their values (may be repeated)")->type_name("PREFIX");
  verb.add_flag("--published-normalisation", flags.published_normalisation, "the constants that papers use instead of the training part's own");
}

NetDescription describe_for(const std::string& net_name, const StructureOptions& structure, const Dataset& data) {
  NetDescription d = describe_input(net_name, structure);
  PLIANT_REQUIRE(ConfigError, structure.classes == 0 || structure.classes >= data.classes, "--classes ", structure.classes, ": ", data.name,
                 " has ", data.classes, " classes");
  if (structure.classes == 0) d.classes = data.classes;
  PLIANT_REQUIRE(ConfigError, structure.input.empty(), "--input: the input shape comes from the data set; --resize changes it");
  if (structure.resolution == 0 && d.height < kResized) {
    d.height = data.height;
    d.width = data.width;
  }
  d.channels = data.channels;
  apply_structure(structure, d);
  return d;
}

}  // namespace pliant::cli
