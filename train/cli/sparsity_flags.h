// The flags that say how a net becomes sparse while it trains.
#pragma once

#include <optional>
#include <string>

#include "train/sparsity_options.h"

namespace CLI {
class App;
}

namespace pliant::cli {

struct SparsityFlags {
  std::optional<double> fraction, soft_pruning;
  std::optional<std::string> schedule, every, scope;
  std::optional<std::int64_t> begin, end, dense_at;

  // Puts what was given over what `options` holds, and checks the whole.
  void apply(SparsityOptions& options) const;
};
void add_sparsity_flags(CLI::App& verb, SparsityFlags& flags);

}  // namespace pliant::cli
