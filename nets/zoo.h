// The nets by name, and their first parameters.
#pragma once

#include "nets/net.h"

namespace pliant {

const std::vector<std::string>& net_names();  // those that add_net() added come last
bool is_net_name(const std::string& name);

// The structure alone: no memory for parameters yet. Throws UsageError for an unknown name, listing the known ones, and ConfigError
// for a combination that cannot be built, or for a field that this net has no use for.
Net build_net(const NetDescription& description);

// Adds a net of a program's own under the name of its description, which default_description() returns from then on. Everything that makes
// nets from descriptions knows it then: checkpoints, width tables, pruning, extraction, comparisons. Fields that only some nets of the zoo
// read (shortcut, branches, head, stem) are the builder's to read, or to refuse. At the beginning of a program, before other threads
// run. Throws ConfigError for a name that is empty or taken.
using NetBuilderFunction = Net (*)(const NetDescription&);
void add_net(const NetDescription& description, NetBuilderFunction build);

// The input that a net expects where no data set says otherwise: 1 x 28 x 28 for lenet5, mlp and b-lenet, 3 x 224 x 224 for the large
// ResNets, DenseNets and VGGs, 3 x 32 x 32 for the others; and its own exits: those of the released code for BranchyNets, none for the others.
NetDescription default_description(const std::string& name);

// Rules for the first values of filters and weights; n_in and n_out count a filter's taps times its channels.
//   he_normal        N(0, 2 / n_in)                            He et al., 2015, eq. 10
//   he_normal_out    N(0, 2 / n_out)                           the same for the backward pass, eq. 14
//   he_uniform       U(-b, b), b = sqrt(6 / n_in)
//   xavier_normal    N(0, 2 / (n_in + n_out))                  Glorot and Bengio, 2010, eq. 12
//   xavier_uniform   U(-b, b), b = sqrt(6 / (n_in + n_out))    eq. 16
//   lecun_normal     N(0, 1 / n_in)                            LeCun et al., 1998
//   pytorch          U(-b, b), b = 1 / sqrt(n_in), biases too  PyTorch's default
// Biases are 0 unless the rule says so; BN starts with scale 1 (or another), shift 0, mean 0, variance 1; factors of blocks with 1.
enum class InitialRule : std::uint8_t { he_normal, he_normal_out, he_uniform, xavier_normal, xavier_uniform, lecun_normal, pytorch };
const char* name_of(InitialRule rule);
const std::vector<InitialRule>& initial_rules();
InitialRule initial_rule(const std::string& name);  // throws UsageError listing the rules

// Draws every value; a parameter's values depend on the seed, its name and shape alone. The store must be allocated. scale: where the
// scales of batch norm start.
void initialise(Net& net, std::uint64_t seed, InitialRule rule = InitialRule::he_normal, double scale = 1.0);


// The same net in memory of its own: values, buffers, masks and frozen marks, in the same context and dtype.
Net copy_of(const Net& net);

}  // namespace pliant
