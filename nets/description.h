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
  char shortcut = 'A';                               // CIFAR ResNets: A (average pool, zero channels) or B (1x1 convolution and BN)
  std::string branches = "code";                     // BranchyNets: side branches of the released "code", or of the "paper"'s text
  bool flatten_head = false;                         // the last classifier reads the flattened map instead of its average
  std::string head;                                  // VGG: "slimming" (one linear layer; the default), "l1" (512, BN, ReLU between) or "bias";
                                                     // VGG for large images: "gap"; ResNet-50: "bias" (of shortcuts)
  int stem = 0;                                      // DenseNet-40: channels of the first convolution, 24 (the default) or 16
  std::string kernel_shape = "full";                 // of 3x3 convolutions: full, cross (five taps), centre (one), graded by the group
  std::map<std::string, std::int64_t> axis_sizes;    // axes narrower than the builder makes them: so many leading channels
  std::map<std::string, std::vector<std::int32_t>> kept;  // axes of which removal left these channels, ascending; of axis_sizes where both are given
  std::vector<int> removed_blocks;                   // residual branches that removal took away, ascending; blocks keep their numbers
  bool block_scales = false;                         // a trained factor on every residual branch (Huang and Wang, 2018)
  std::vector<std::vector<std::int64_t>> widths;     // further rows of the width table: one size per axis in order of declaration
  std::vector<double> width_ratios;                  // names of these rows for people, e.g. 0.5; as many as rows, or none
  int batch_norm_sets = 1;                           // 1, or one per width (1 + widths.size())
  bool shared_scale_shift = false;                   // several sets have private statistics alone; scale and shift are set 0's
  std::vector<double> survival;                      // per residual block; empty: all 1
  bool gate_per_sample = false;                      // stochastic depth draws one gate per sample instead of one per batch
  bool scale_in_training = false;                    // an open branch counts 1 / survival in training and 1 in eval mode
  std::vector<int> exits;                            // stages that carry a further head, ascending; the last stage always has one
  double exit_dropout = 0.0;                         // before the linear layer of these further heads
  bool folded = false;                               // batch norm lies in the convolutions before it (nets/fold.h); one set alone
  int last_stage = -1;                               // the net ends after this stage, which is one of `exits`; -1: it is whole

  bool operator==(const NetDescription&) const = default;
};

std::string to_json(const NetDescription& description);
// Throws FileError naming the field, what it holds and what was expected, for text that is not such a description.
NetDescription description_from_json(const std::string& text);

}  // namespace pliant
