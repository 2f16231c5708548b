// The parts that comparisons of pruning are made of: how the net of a run comes from the checkpoint of another one, with inherited
// weights or with fresh ones. train/compare/pruning_plan.h and structure_plan.h put them together.
#pragma once

#include "train/compare/experiment.h"
#include "train/pruning/prune.h"

namespace pliant {

// Throws UsageError for a method that there is not, and ConfigError for a net of which its structure shows that the method cannot prune it.
void require_prunable(const NetDescription& net, const PruneOptions& options);

// What tells the nets of two prunings apart, as words.
std::string prune_text(const PruneOptions& options);

// Methods that find sparse channels or blocks need a net that was trained with a penalty: slimming and sss.
bool needs_sparse_training(const std::string& method);
// The method masks weights, not channels or blocks: nothing gets smaller.
bool is_unstructured(const std::string& method);

// The net of a checkpoint, pruned: really smaller, factors of blocks folded; with masks of weights where the method is unstructured.
Net pruned_net(Context& context, const std::string& checkpoint, const PruneOptions& options, const Splits& splits);

// Gives `to` the masks of parameters that `from`, a net of the same structure, has, and zeroes what they take.
void copy_weight_masks(const Net& from, Net& to);

// The structure of `like` with fresh values and its masks of parameters. Filters with a mask begin wider, as initialise_sparse() has it, if
// `by_density`. Draws differ from those of a run with this seed that starts from nothing.
Net fresh_net(const Net& like, const TrainConfig& config, bool by_density = true);

// Without the penalties that make scales of batch norm and factors of blocks sparse.
TrainConfig without_penalties(TrainConfig config);
// The same for a run that is made from another one: it does not start from a file.
TrainConfig of_prepared(TrainConfig config);
// For another number of epochs: a multi-step schedule drops at int(share * epochs), the steps of a step schedule are stretched alike.
TrainConfig with_epochs(TrainConfig config, std::int64_t epochs);

}  // namespace pliant
