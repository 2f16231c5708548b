#include "train/cli/dynamic_flags.h"

#include <CLI/CLI.hpp>

#include "train/cli/common.h"
#include "train/cli/given.h"

namespace pliant::cli {

void DynamicFlags::apply(DynamicOptions& options) const {
  put(width_training, options.width_training);
  put(exit_weights, options.exit_weights);
  put(exit_loss, options.exit_loss);
  put(exit_order, options.exit_order);
  put(sandwich, options.sandwich);
  put(anneal_exits, options.anneal_exits);
  put(freeze_backbone, options.freeze_backbone);
  put(distill_exits, options.distill_exits);
  if (inplace_distillation) options.inplace_distillation = true;
  if (loss_per_class) options.loss_per_class = true;
  if (detach_exits) options.detach_exits = true;
  if (log_gradients) options.log_gradients = true;
  check(options);
}

void add_dynamic_flags(CLI::App& verb, DynamicFlags& flags) {
  verb.add_option("--width-training", flags.width_training,
                  "widths of a step: all, sandwich (widest, narrowest, random ones), or incremental (one after another, narrowest first)");
  verb.add_option("--sandwich", flags.sandwich, "widths in a step of the sandwich rule (default 4)")->check(CLI::Range(3, 64));
  verb.add_flag("--inplace-distillation", flags.inplace_distillation, "narrower widths learn the widest one's softmax instead of the labels");
  verb.add_option("--exit-weights", flags.exit_weights,
                  "weight of each exit's loss: equal, decreasing (1 to 0.3), increasing, or numbers, first exit first: 1,0.5,0.3");
  verb.add_option("--anneal-exits", flags.anneal_exits, "epochs in which the weights of all exits but the last fall to 0")->check(non_negative);
  verb.add_option("--freeze-backbone", flags.freeze_backbone, "first epochs in which only the heads train")->check(non_negative);
  verb.add_option("--exit-loss", flags.exit_loss, "softmax or squared-hinge");
  verb.add_flag("--loss-per-class", flags.loss_per_class, "each exit's loss is divided by the number of classes");
  verb.add_flag("--detach-exits", flags.detach_exits, "the trunk learns from the last exit alone");
  verb.add_option("--distill-exits", flags.distill_exits, "share of the last exit's softmax in the targets of earlier exits");
  verb.add_option("--exit-order", flags.exit_order, "joint, or sequential: one exit after another, for an equal share of the epochs each");
  verb.add_flag("--log-gradients", flags.log_gradients, "gradients.csv: mean magnitude of every layer's gradient per epoch");
}

}  // namespace pliant::cli
