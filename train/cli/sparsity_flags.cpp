#include "train/cli/sparsity_flags.h"

#include <CLI/CLI.hpp>

#include "train/cli/common.h"
#include "train/cli/given.h"

namespace pliant::cli {

void SparsityFlags::apply(SparsityOptions& options) const {
  put(fraction, options.fraction);
  put(schedule, options.schedule);
  put(begin, options.begin);
  put(end, options.end);
  put(every, options.every);
  put(scope, options.scope);
  put(dense_at, options.dense_at);
  put(soft_pruning, options.soft_pruning);
  check(options);
}

void add_sparsity_flags(CLI::App& verb, SparsityFlags& flags) {
  verb.add_option("--sparsity", flags.fraction, "share of the convolutions' weights that magnitude pruning sets to zero, in (0, 1)")->check(above_zero);
  verb.add_option("--sparsity-schedule", flags.schedule, "one-shot (default), gradual (cubic) or iterative (the same share of what is left)");
  verb.add_option("--sparsity-begin", flags.begin, "epochs trained before the first pruning (default 0)")->check(non_negative);
  verb.add_option("--sparsity-end", flags.end, "epochs trained when the last pruning is due (default: halfway to the last epoch)")
      ->check(CLI::Range(1, 1000000));
  verb.add_option("--sparsity-every", flags.every, "steps from one pruning to the next, or epochs with an e behind (default 1e)");
  verb.add_option("--sparsity-scope", flags.scope, "global (default): one threshold for all convolutions; layer: one for each");
  verb.add_option("--dense-at", flags.dense_at, "epochs after which the masks are dropped and the net trains on dense")->check(CLI::Range(1, 1000000));
  verb.add_option("--soft-pruning", flags.soft_pruning,
                  "share of each convolution's filters that are zeroed after every epoch, may come back, and are masked at the end; in (0, 1)")
      ->check(above_zero);
}

}  // namespace pliant::cli
