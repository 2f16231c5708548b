// The flags that say which net to build, shared by the verbs that take a net's name.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "nets/net.h"

namespace CLI {
class App;
}

namespace pliant::cli {

// The structure of a net by name. Empty or 0: not given, as the net has it.
struct StructureOptions {
  int classes = 0, resolution = 0;
  std::string shortcut, input, branches;       // A or B; CxHxW; code or paper
  std::string head, architecture;              // of VGG; a published architecture or a file
  int stem = 0;                                // of DenseNet-40
  std::optional<std::string> exits;            // a placement of nets/exits.h
  double exit_dropout = 0.0;
  bool flatten_head = false;
  std::string kernel_shape;                    // full, cross, centre or graded
  std::vector<double> widths;
  std::string width_rounding, batch_norm = "switchable";
  std::optional<double> stochastic_depth;      // survival of the last block
  std::string survival = "linear", gates = "batch", survival_scaling = "test";
  bool block_scales = false;                   // a trained factor on every residual branch
  std::vector<std::string> masks;              // AXIS=CHANNELS, e.g. layer2=0-3,8

  bool given() const;
};
void add_structure_options(CLI::App& verb, StructureOptions& options);

// The named net's description with the options applied. UsageError for an unknown name or a malformed value; ConfigError for a flag
// that the net has no use for.
NetDescription describe(const std::string& net_name, const StructureOptions& options);
// The same in two steps: what fixes the input and the classes, then what depends on them. For verbs that take the input from a data set.
NetDescription describe_input(const std::string& net_name, const StructureOptions& options);
void apply_structure(const StructureOptions& options, NetDescription& description);
// Switches off the channels that the options name, on an allocated net. UsageError for an axis or a channel that it does not have, or
// for a mask that leaves nothing of an axis.
void apply_masks(const StructureOptions& options, Net& net);

}  // namespace pliant::cli
