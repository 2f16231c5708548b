// --architecture: the structure of a pruned net, built with fresh weights. It comes from a paper by its name, from a file that
// `pliant prune --json` printed, from a net description, or from a checkpoint.
#pragma once

#include <string>

#include "nets/description.h"

namespace pliant::cli {

// Gives `d`, the plain net, that structure; input and classes stay its own. A file is JSON (a description with "name", or an object
// with "kept", "axis_sizes", "removed_blocks" and other fields of a description; a number under "kept" means so many leading channels) or
// a checkpoint. UsageError for what is neither name nor file, FileError for a file that holds something else, ConfigError for the
// structure of another net. Whether it fits shows when the net is built.
void apply_architecture(const std::string& name_or_file, NetDescription& d);

}  // namespace pliant::cli
