#include "train/cli/part.h"

#include <CLI/CLI.hpp>

#include "nets/widths.h"
#include "train/cli/common.h"

namespace pliant::cli {

void add_part_options(CLI::App& verb, PartOptions& options, const std::string& otherwise) {
  verb.add_option("--width", options.width, "a width of a slimmable net, as the ratio from its list, e.g. 0.5 (default: " + otherwise + ")")
      ->check(above_zero);
  verb.add_option("--exit", options.exit, "an exit, 0 is the first; nothing deeper runs (default: " + otherwise + ")")->check(non_negative);
}

int chosen_width(const Net& net, const PartOptions& options) { return options.width ? width_index(net.description, *options.width) : 0; }

int chosen_exit(const Net& net, const PartOptions& options) {
  if (options.exit) only_exit(net, *options.exit);  // refuses what the net does not have
  return options.exit.value_or(-1);
}

Selection chosen_part(const Net& net, const PartOptions& options) {
  const int exit = chosen_exit(net, options);
  Selection select = exit < 0 ? Selection{} : only_exit(net, exit);
  select.width = chosen_width(net, options);
  return select;
}

Selection chosen_part_or_last(const Net& net, const PartOptions& options) {
  return chosen_part(net, {options.width, options.exit.value_or(net.exits() - 1)});
}

}  // namespace pliant::cli
