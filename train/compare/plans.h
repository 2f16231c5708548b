// The comparisons of the papers: a net whose structure changes beside its plain counterparts. Each takes the description of the
// dynamic net and the configuration that trains it, and throws ConfigError where the net has nothing to compare.
#pragma once

#include "train/compare/experiment.h"

namespace pliant {

// Huang et al., 2016: "constant" with all blocks open, "stochastic" with the survival of the description; time saved.
Experiment depth_comparison(const NetDescription& net, const TrainConfig& config);

// Yu et al., 2019: "slimmable" with the widths of the description, "alone-<width>" for each width as a plain net trained by itself,
// "naive" with one batch norm for all widths, "incremental" with one width after another. The last two are left out where the net has no
// batch norm, the last one where there are fewer epochs than widths.
Experiment slimmable_comparison(const NetDescription& net, const TrainConfig& config);

// Zhou et al., 2018: "without" and "with" the exits of the description; the improvement is that of the last exit.
Experiment elastic_comparison(const NetDescription& net, const TrainConfig& config);

// Teerapittayanon et al., 2016: "trunk" alone, then "branchy" with the exits of the description, its trunk from the former; every exit
// stands beside the trunk.
Experiment branchy_comparison(const NetDescription& net, const TrainConfig& config);

}  // namespace pliant
