// How much of each layer goes, from the command line: a list, a file, or a published plan by its name.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "nets/description.h"

namespace pliant::cli {

// "features.0=0.5" ...; UsageError for anything else, and for a layer that stands there twice.
std::map<std::string, double> listed_ratios(const std::vector<std::string>& list);

// A published plan for this net, or a JSON file with an object of ratios by layer. UsageError for a name that is no plan, ConfigError for
// a plan of another net, FileError for a file that holds something else.
std::map<std::string, double> planned_ratios(const std::string& name_or_file, const NetDescription& net);

}  // namespace pliant::cli
