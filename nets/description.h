// The structure of a net as plain data: which builder made it, with which arguments, how large every axis is, and which parts
// were changed. It travels as JSON in every checkpoint, and build_net() makes the same structure from it again.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace pliant {

struct NetDescription {
  std::string name = "resnet20";                     // one of net_names()
  std::int64_t height = 32, width = 32, channels = 3;  // of the input
  int classes = 10;
  char shortcut = 'A';                               // ResNets: A (average pool, zero channels) or B (1x1 convolution and BN)
  std::map<std::string, std::int64_t> axis_sizes;    // axes that differ from the builder's default (pruned nets)
  std::vector<std::vector<std::int64_t>> widths;     // further rows of the width table: one size per axis in order of declaration
  int batch_norm_sets = 1;                           // 1, or one per width (1 + widths.size())
  std::vector<double> survival;                      // per residual block; empty: all 1
  std::vector<int> exits;                            // stages that carry a further head, ascending; the last stage always has one

  bool operator==(const NetDescription&) const = default;
};

std::string to_json(const NetDescription& description);
// Throws FileError naming the field, what it holds and what was expected, for text that is not such a description.
NetDescription description_from_json(const std::string& text);

}  // namespace pliant
