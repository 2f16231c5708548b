// Optimizers over the arenas of a net: one launch per step. kernels/sgd.h and kernels/adam.h have the formulas.
#pragma once

#include <string>
#include <vector>

#include "core/parameter.h"

namespace pliant {

enum class OptimizerKind { sgd, adam };

const char* name_of(OptimizerKind kind);                   // "sgd", "adam"
OptimizerKind parse_optimizer(const std::string& name);    // throws UsageError

struct OptimizerOptions {
  OptimizerKind kind = OptimizerKind::sgd;
  double momentum = 0.9, weight_decay = 0.0;
  bool nesterov = false;                                   // this and the momentum: SGD alone
  bool decay_all = true;                                   // false: scales and shifts of batch norm and biases do not decay
  double l1 = 0.0;                                         // penalty l1 |w| on filters and weights
  double scale_sparsity = 0.0;                             // the same on every scale of batch norm (network slimming: lambda)
  // Penalty on the factors of residual blocks (sparse structure selection: gamma). They always take SGD's proximal update, which
  // makes them exactly 0 (kernels/sgd.h); neither decay nor l1 reaches them.
  double block_sparsity = 0.0;
  double loss_scale = 1.0;                                 // what the loss was multiplied by: steps divide gradients by it
  double beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8;       // Adam alone
};

// State with one value per trainable parameter value, in the layout of ParameterStore::values(): "velocity" of SGD; "moment1",
// "moment2" of Adam.
struct OptimizerArena {
  std::string name;  // without dots
  Tensor values;
};

class Optimizer {
 public:
  // Takes each parameter's frozen flag and mask as they are now. The store must be allocated and outlive this. Throws ConfigError
  // for options out of range, for a penalty on what the net does not have, and for Adam where blocks have factors.
  Optimizer(ParameterStore& store, const OptimizerOptions& options);

  void zero_gradients() { store_.gradients().zero(); }
  void step(double rate);

  // step() in parts, for callers that keep the rates of many steps in device memory. The scalars of step t, 1 the first one, as
  // kernels/sgd.h and adam.h list them; the tensor [K] f64 in which apply() finds them; the update itself, which changes nothing on the
  // host; and the count of what was applied.
  std::vector<double> scalars(double rate, std::int64_t t) const;
  Tensor& scalars_on_device() { return scalars_; }
  void apply();
  void count_step() { ++steps_; }

  // Reads the frozen flags and masks again. What was frozen goes on from the state it had; Adam's correction counts the steps of all.
  // What a mask has taken has no momentum any more, should it come back.
  void refresh_rules();
  const Tensor& mask() const { return mask_; }             // of all parameters, 1 or 0; no tensor where none has one

  // What an exact resume needs: the arenas, which share their memory with the optimizer, and the number of steps that were taken.
  const std::vector<OptimizerArena>& arenas() const { return arenas_; }
  std::int64_t steps() const { return steps_; }
  void set_steps(std::int64_t steps);                      // throws ConfigError for a negative number
  // Copies the values of all arenas. Throws FileError where one of them is missing, and then changes nothing.
  void restore(const std::vector<OptimizerArena>& saved);

 private:
  ParameterStore& store_;
  OptimizerOptions options_;
  std::vector<OptimizerArena> arenas_;
  Tensor rules_, mask_, scalars_;
  std::int64_t steps_ = 0;
};

}  // namespace pliant
