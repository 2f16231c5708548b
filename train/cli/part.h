// The flags --width and --exit: which part of a net a verb runs, by names for people.
#pragma once

#include <optional>
#include <string>

#include "nets/net.h"

namespace CLI {
class App;
}

namespace pliant::cli {

struct PartOptions {
  std::optional<double> width;  // a ratio from the net's list
  std::optional<int> exit;
};
// `otherwise` says in the help what happens where a flag is not given, such as "all".
void add_part_options(CLI::App& verb, PartOptions& options, const std::string& otherwise);

// The row of the width table, 0 where no width was given. UsageError that lists the widths there are.
int chosen_width(const Net& net, const PartOptions& options);
// The exit, -1 where none was given. UsageError that says which exits there are.
int chosen_exit(const Net& net, const PartOptions& options);
// Width and exit as a selection; every exit where none was given, or the last one.
Selection chosen_part(const Net& net, const PartOptions& options);
Selection chosen_part_or_last(const Net& net, const PartOptions& options);

}  // namespace pliant::cli
