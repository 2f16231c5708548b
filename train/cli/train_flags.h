// The flags that say how a net is trained, shared by the verbs that train, and the structure that a fresh net gets from its data.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "train/cli/data_flags.h"
#include "train/cli/dynamic_flags.h"
#include "train/cli/sparsity_flags.h"
#include "train/cli/structure.h"
#include "train/config.h"

namespace CLI {
class App;
}

namespace pliant::cli {

// What was given; the recipe of the net, or the record of the run that is resumed, holds the rest.
struct TrainFlags {
  DataFlags data;
  std::optional<std::int64_t> epochs, batch, patience;
  std::optional<double> rate, momentum, weight_decay, smoothing, l1, beta1, beta2, epsilon, scale_init, scale_sparsity, block_sparsity;
  std::optional<double> loss_scale;
  std::optional<std::string> precision;
  std::optional<std::uint64_t> seed;
  std::optional<std::string> optimizer, schedule, augment, initialisation, init_file;
  std::vector<std::string> freeze;
  DynamicFlags dynamic;
  SparsityFlags sparsity;
  bool nesterov = false, no_nesterov = false, no_decay_bn_bias = false, published_normalisation = false, log_test = false;

  // Puts what was given over what `config` holds. UsageError for a malformed value.
  void apply(TrainConfig& config) const;
};
// What the update of a step depends on besides its rate: those of SGD and Adam, decay and penalty.
void add_optimizer_flags(CLI::App& verb, TrainFlags& flags);
// All of them but --precision, --loss-scale, --seed and --log-test.
void add_train_flags(CLI::App& verb, TrainFlags& flags);

// The structure of a net by name: its input and classes are the data set's, unless a flag says otherwise. UsageError and ConfigError as
// of describe().
NetDescription describe_for(const std::string& net_name, const StructureOptions& structure, const Dataset& data);

}  // namespace pliant::cli
