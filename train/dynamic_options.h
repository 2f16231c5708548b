// How a net with several widths, exits or gates is trained: the part of a training configuration that only such nets have. Names of
// the JSON fields are those of the command line's flags.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace pliant {

struct DynamicOptions {
  // Which widths a step trains: "all" (Yu et al., 2019, algorithm 1), "sandwich" (the widest, the narrowest and random ones between;
  // Yu and Huang, 2019), or "incremental" (the narrowest alone, then the channels that the next one adds, with all before frozen).
  std::string width_training = "all";
  int sandwich = 4;                      // widths in a step of the sandwich rule, at least 3
  bool inplace_distillation = false;     // narrower widths learn the widest one's softmax instead of the labels

  std::string exit_weights = "equal";    // equal (1), decreasing (1 to 0.3 with depth), increasing, or one number per exit: 1,0.5,0.3
  std::int64_t anneal_exits = 0;         // epochs in which the weights of all exits but the last fall linearly to 0; 0: they stay
  std::int64_t freeze_backbone = 0;      // first epochs in which only the heads train
  std::string exit_loss = "softmax";     // or squared-hinge (Lee et al., 2015)
  bool loss_per_class = false;           // each exit's loss is divided by the number of classes (Zhou et al., 2018, eq. 1)
  bool detach_exits = false;             // the trunk learns from the last exit alone
  double distill_exits = 0.0;            // share of the last exit's softmax in the targets of earlier exits
  std::string exit_order = "joint";      // or sequential: one exit after another, for an equal share of the epochs each

  bool log_gradients = false;            // gradients.csv: mean magnitude of every filter's and weight's gradient per epoch
};

// Throws UsageError naming the field, its value and what it may be.
void check(const DynamicOptions& options);

// The weight of every exit's loss in an epoch (counted from 0). Throws ConfigError where the list does not fit the number of exits or
// all weights are 0.
std::vector<double> exit_weights(const DynamicOptions& options, int exits, std::int64_t epoch);

}  // namespace pliant
