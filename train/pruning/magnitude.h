// Unstructured pruning by magnitude (Han et al., "Learning both weights and connections", 2015; methods 6.6): which weights of the
// convolutions stay, and how a net begins that trains from scratch under such masks. The decision is Parameter::mask, which the
// optimizer holds. Weights of linear layers, batch norm and biases are never pruned.
#pragma once

#include "nets/net.h"

namespace pliant {

enum class WeightScope : std::uint8_t {
  global,  // one threshold for all filters
  layer    // one for each filter
};
const char* name_of(WeightScope scope);                     // "global", "layer"
WeightScope parse_weight_scope(const std::string& name);    // throws UsageError

// How many weights the filters of a net have that are not frozen, and how many of them the masks leave.
struct WeightCount {
  std::int64_t all = 0, left = 0;
};
WeightCount count_filter_weights(const Net& net);

// Masks, and sets to zero, the smallest of the N weights in the scope: with t the magnitude at place int(N fraction) of the sorted
// ones, |w| > t stays. So int(N fraction) + 1 weights go where no two are equal, and t with all its equals. N counts all weights, or,
// of_remaining, those that masks leave: rounds with share p then leave (1 - p)^k. What is masked stays masked. Frozen filters keep
// their values and do not count.
// Throws UsageError for a fraction outside (0, 1), ConfigError where there is no filter, where a filter would keep no weight, or where a
// weight is not finite; nothing is changed then.
void prune_weights(Net& net, double fraction, WeightScope scope, bool of_remaining);

// Fresh values for training a net under its masks from scratch: a filter with a mask is drawn from N(0, 2 / n), n = nnz(mask) / C_in,
// which is the usual K_out R S times the density, and masked; everything else as initialise() has it with InitialRule::he_normal_out.
// scale: where batch norm starts. Throws ConfigError for a mask without a one.
void initialise_sparse(Net& net, std::uint64_t seed, double scale = 1.0);

}  // namespace pliant
