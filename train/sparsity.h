// What makes a net sparse while it trains: pruning of weights by magnitude at planned steps, and soft filter pruning after epochs. It
// decides from the number of steps alone and keeps no state that a resumed run would lack: masks and zeros lie in the net.
#pragma once

#include <optional>

#include "train/optimizer.h"
#include "train/pruning/soft_filters.h"
#include "train/sparsity_options.h"

namespace pliant {

class Sparsity {
 public:
  // Throws ConfigError where the options do not fit the net or the length of the run. The net and its optimizer outlive this.
  Sparsity(Net& net, Optimizer& optimizer, const SparsityOptions& options, const TrainingLength& length);

  // What is due once `steps` steps of the run are done; whether weights were pruned. Before the first step, and after every one.
  bool act(std::int64_t steps);

  // Whether the net is as the run leaves it, sparse or dense again: an earlier epoch is no candidate for the best one.
  bool settled(std::int64_t steps) const;

  // After the last step of an epoch: soft filter pruning zeroes filters and masks their channels, so that the net is evaluated and
  // saved as one from which they can be removed.
  void end_epoch();
  // Where another epoch follows: the masks go, the zeros stay, and the filters train on.
  void next_epoch();

 private:
  Net& net_;
  Optimizer& optimizer_;
  SparsityOptions options_;
  std::vector<PruningEvent> events_;
  std::int64_t dense_step_ = 0;  // 0: never
  std::optional<SoftFilterPruning> soft_;
};

// Whether the options ask for what the net does not have; needs no length. Throws ConfigError.
void require_fit(const SparsityOptions& options, const Net& net);

}  // namespace pliant
