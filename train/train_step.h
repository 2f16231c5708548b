// One training step of a net of any structure: the passes that the policy asks for, their losses, the gradients of all of them in one
// step of the optimizer. What a run needs to resume exactly lies in the optimizer, in counts() and in the seed, epoch and batch. A step
// is planned on the host and then launched; what is launched depends on the plan alone, which is what makes it fit to be replayed.
#pragma once

#include <memory>
#include <optional>

#include "train/config.h"
#include "train/device_data.h"
#include "train/gradient_log.h"
#include "layers/block_states.h"
#include "train/growth.h"
#include "train/optimizer.h"
#include "train/selection_policy.h"

namespace pliant {

struct StepCounts {           // over the steps of an epoch
  std::int64_t steps = 0, open_blocks = 0;
  std::vector<double> gradient_sums;  // of GradientLog; empty where nothing is logged
};

// Everything on the host that decides what a step launches and on which memory: equal plans of one TrainStep launch the same.
struct StepPlan {
  std::vector<PlannedPass> passes;
  IndexSet gated{};                    // blocks that some steps drop in every pass alike, and no others; these alone may differ between
                                       // the steps that one recording in both states serves. Empty: a recording serves this plan alone
  std::int64_t samples = 0;            // in the batch
  Trunk trunk = Trunk::joined;
  std::vector<double> exit_weights;
  std::vector<std::uintptr_t> state;   // of every parameter whether it is frozen, and where masks and Growth's memory lie; 0: none
  bool operator==(const StepPlan&) const = default;
};

class TrainStep {
 public:
  // policy: null for that of config.dynamic. Throws ConfigError where the configuration and the net do not fit.
  TrainStep(Net& net, const TrainConfig& config, std::unique_ptr<const SelectionPolicy> policy = nullptr);

  const SelectionPolicy& policy() const { return *policy_; }

  Optimizer& optimizer() { return optimizer_; }
  const Optimizer& optimizer() const { return optimizer_; }
  const GradientLog* gradients() const { return log_ ? &*log_ : nullptr; }

  // Freezes what this epoch (from 0) does not train. Before its first step, and after a resume in its middle (batch > 0).
  void begin_epoch(std::int64_t epoch, std::int64_t batch);

  // The plan of a step on so many samples; batch counts from 0 in its epoch, which begin_epoch() has seen. Throws ConfigError where the
  // policy plans no pass.
  StepPlan plan(std::int64_t epoch, std::int64_t batch, std::int64_t samples) const;
  // Launches the step; the optimizer's scalars lie on the device already. Changes nothing on the host and reads nothing back.
  // states: null to run what the plan says; else the gated blocks are launched in both states (layers/block_states.h).
  void launch(const StepPlan& plan, const Batch& batch, const Tensor& key, Tensor& loss_sum, Tensor& hits, BlockStates* states = nullptr);
  // Whatever launch() changes besides loss_sum and hits: handles that share the memory.
  std::vector<Tensor> changed() const;
  // What the host remembers of a step that was launched, or replayed.
  void count(const StepPlan& plan);

  // Trains on a batch: plan(), launch() and count() at a given rate. loss_sum [1] grows by N times the sum of all weighted losses,
  // hits (train/hits.h) by the right answers of the first pass's last exit. key, batch.samples: as in Pass.
  void run(const Batch& batch, const Tensor& key, std::int64_t epoch, std::int64_t index, double rate, Tensor& loss_sum, Tensor& hits);

  // Seconds of a step's forward and backward passes with every block open, without touching anything; the median of `repeats`.
  double open_step_seconds(const Batch& batch, const Tensor& key, int repeats);

  StepCounts counts() const;
  void set_counts(const StepCounts& counts);  // an empty StepCounts at the beginning of an epoch

 private:
  void restart_optimizer();
  std::vector<Tensor> backward_pass(const StepPlan& plan, const PlannedPass& planned, const Batch& batch, const Tensor& key,
                                    const std::vector<Tensor>& teacher, Tensor& loss_sum, Tensor* hits, BlockStates* states = nullptr);
  IndexSet gated(const std::vector<PlannedPass>& passes) const;

  Net& net_;
  TrainConfig config_;
  Optimizer optimizer_;
  std::unique_ptr<const SelectionPolicy> policy_;
  std::optional<GradientLog> log_;
  std::optional<Growth> growth_;
  std::vector<std::string> head_layers_;
  Trunk trunk_ = Trunk::joined;
  std::vector<double> weights_;        // per exit, of the current epoch
  StepCounts counts_;
};

}  // namespace pliant
