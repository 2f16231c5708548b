// The flags that say how widths, exits and gates are trained.
#pragma once

#include <optional>
#include <string>

#include "train/dynamic_options.h"

namespace CLI {
class App;
}

namespace pliant::cli {

struct DynamicFlags {
  std::optional<std::string> width_training, exit_weights, exit_loss, exit_order;
  std::optional<int> sandwich;
  std::optional<std::int64_t> anneal_exits, freeze_backbone;
  std::optional<double> distill_exits;
  bool inplace_distillation = false, loss_per_class = false, detach_exits = false, log_gradients = false;

  // Puts what was given over what `options` holds, and checks the whole.
  void apply(DynamicOptions& options) const;
};
void add_dynamic_flags(CLI::App& verb, DynamicFlags& flags);

}  // namespace pliant::cli
