// When and how a training run makes its net sparse: the part of a training configuration that such runs have. Names of the JSON fields
// are those of the command line's flags. Penalties on batch-norm scales and block factors are the optimizer's (train/optimizer.h).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "train/schedule.h"

namespace pliant {

struct SparsityOptions {
  double fraction = 0.0;              // "sparsity": share of the convolutions' weights that is zero in the end, in (0, 1); 0: none
  // "one-shot": all at the beginning. "gradual": s_t = S (1 - (1 - (t - t0) / (n dt))^3) at t0 + dt, ..., t0 + n dt (Zhu and Gupta,
  // 2017, eq. 1, from s_0 = 0). "iterative": k = n + 1 rounds at t0, ..., t0 + n dt that each take the share 1 - (1 - S)^(1/k) of
  // what is left (Han et al., 2015).
  std::string schedule = "one-shot";
  std::int64_t begin = 0;             // t0: epochs trained before the first pruning
  std::int64_t end = 0;               // epochs trained when the last one has been; 0: halfway between begin and the last epoch
  std::string every = "1e";           // dt: so many steps, or epochs where an e follows
  std::string scope = "global";       // or layer: a threshold for each filter
  std::int64_t dense_at = 0;          // epochs trained when the masks are dropped again (dense-sparse-dense, Han et al., 2017); 0: never
  double soft_pruning = 0.0;          // share of the filters of a convolution that soft filter pruning takes, in (0, 1); 0: none

  bool operator==(const SparsityOptions&) const = default;
};

// Throws UsageError naming the field, its value and what it may be.
void check(const SparsityOptions& options);

// One pruning by magnitude, after so many steps of the run.
struct PruningEvent {
  std::int64_t step;
  double fraction;
  bool of_remaining;
  bool operator==(const PruningEvent&) const = default;
};
// In order; none where no sparsity is asked for. Throws UsageError as check() does, ConfigError where the options do not fit the length of the run.
std::vector<PruningEvent> pruning_events(const SparsityOptions& options, const TrainingLength& length);

}  // namespace pliant
