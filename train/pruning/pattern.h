// What pruning left of nets, as statistics: kept channels per layer and stage, and the share of kept weights at every position of a
// kernel (Liu et al., "Rethinking the value of network pruning", 2019, section 5). A stage is made of the layers whose outputs have
// maps of one size, in the order in which they run. It decides nothing; train/pruning/guided.h builds structures from it.
#pragma once

#include <map>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "nets/net.h"
#include "train/compare/statistics.h"
#include "train/report/svg_chart.h"
#include "train/report/table.h"

namespace pliant {

struct Stages {
  std::vector<std::string> maps;            // of each stage, such as "32x32"
  std::map<std::string, int> of_layer;      // convolutions and linear layers but the classifiers
  std::map<std::string, int> of_axis;       // plain axes by the first layer that writes them, selections by the first that reads them
};
Stages stages_of(const Net& net);

// An axis whose channels can be removed, or were. It counts what its mask and the description's `kept` leave.
struct KeptAxis {
  std::string axis;
  int stage = 0;
  bool selection = false;                   // of a stream's channels
  std::int64_t kept = 0, channels = 0;      // now; before anything was removed
  double share() const { return static_cast<double>(kept) / static_cast<double>(channels); }
};
// In order of declaration. Streams, which several layers write, are there only where something is gone.
std::vector<KeptAxis> kept_axes(const Net& net);

struct KeptRow {
  std::string name;                         // of the axis; "stage 1 (32x32)"
  bool stage = false;
  double channels = 0.0;                    // before anything was removed
  Summary kept, share;                      // over the nets; of a stage, all of its channels together
};
// Over nets of one builder, such as those of several seeds: rows of the axes, then of the stages. Selections count where one of the nets
// left something of them out. ConfigError where there is no net, where they do not have the same axes, or where none of them has
// anything to remove.
std::vector<KeptRow> kept_rows(std::span<const Net* const> nets);
Table kept_table(const std::vector<KeptRow>& rows);
// Bars of the mean number of kept channels per axis, or of the kept share per stage, with a deviation where there are several nets.
Chart kept_chart(const std::string& title, const std::vector<KeptRow>& rows, bool stages);

// The share of kept weights at each position of a kernel: of all filters of a stage with kernels of that size. A weight is kept where the
// parameter's mask is 1, or, without a mask, where it is not 0.
struct KernelPattern {
  int stage = 0;
  std::int64_t rows = 0, columns = 0;       // of the kernel
  std::vector<double> share;                // rows x columns
  std::int64_t kernels = 0;
  double mean() const;
};
// By stage, then by size.
std::vector<KernelPattern> kernel_patterns(const Net& net);
// The mean over nets of the same structure. ConfigError for none, or for other stages or sizes.
std::vector<KernelPattern> mean_patterns(std::span<const Net* const> nets);

// 3x3 grids, one per stage from left to right, a line of them for each named entry (a pruning pass, a net), each cell with its share.
// ConfigError where there is no 3x3 pattern.
std::string pattern_svg(const std::string& title, const std::vector<std::pair<std::string, std::vector<KernelPattern>>>& lines,
                        const std::vector<std::string>& stage_names);
// The same numbers: line, stage, kernel, position (row, column), share.
Table pattern_table(const std::vector<std::pair<std::string, std::vector<KernelPattern>>>& lines);

// "stage 1 (32x32)" for each stage.
std::vector<std::string> stage_names(const Stages& stages);

}  // namespace pliant
