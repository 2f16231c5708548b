// The channels of a net as a graph: for every axis who writes its channels and who reads them, so that pruning can be decided per group
// of coupled channels instead of per layer. Derived from parameters and the order of layers; it owns nothing and points into the net.
#pragma once

#include <string>
#include <vector>

#include "nets/net.h"

namespace pliant {

struct ChannelWriter {          // a convolution or linear layer whose outputs lie on the axis; not a depthwise one
  std::string layer;
  Parameter* weight = nullptr;  // its first dimension lies on the axis
  Parameter *scale = nullptr, *shift = nullptr;  // of the batch norm right behind it, set 0; null: none
  bool added = false;           // its result, normalised or not, goes straight into a sum: the end of a residual branch
  std::int64_t macs = 0;        // of the layer, for one image at the full width
};

struct ChannelReader {          // a convolution or linear layer whose inputs lie on the axis, or on one that it is a part or the stream of
  std::string layer;
  Parameter* weight = nullptr;
  const ChannelAxis* through = nullptr;  // the axis of weight's last dimension
  std::int64_t macs = 0;
};

struct ChannelGroup {
  ChannelAxis* axis = nullptr;            // plain, or a selection
  std::vector<ChannelWriter> writers;     // in order of declaration; none for a selection
  std::vector<ChannelReader> readers;
  std::vector<std::string> depthwise;     // depthwise convolutions that keep the axis
  std::vector<Parameter*> scales;         // of every batch norm on the axis, set 0. Of a selection: of the norm in front of it, on its stream
  bool shared = false;                    // several layers write it, or a sum or a concatenation does: a stream
  bool linear = false;                    // written by linear layers alone
  std::string fixed;                      // why its channels cannot be removed; empty: they can

  bool internal() const { return !shared && !axis->stream(); }
  const char* kind() const { return axis->stream() ? "selection" : shared ? "shared" : "internal"; }
  // What one channel costs: its rows of the writers and its columns of the readers.
  double macs_per_channel_written() const;
  double macs_per_channel_read() const;
};

// Plain axes and selections in order of declaration. Concatenations are reached through their parts.
std::vector<ChannelGroup> channel_groups(const Net& net);

// The group of an axis, or of the layer that writes it. UsageError that lists the axes there are.
const ChannelGroup& group_of(const std::vector<ChannelGroup>& groups, const std::string& axis_or_layer);

// For every channel of `axis` its position on `whole`, an axis that it is, is a part of or is the stream of; -1 where a selection
// does not take it.
std::vector<std::int32_t> positions_on(const ChannelAxis& whole, const ChannelAxis& axis);

// The plain axes and selections of `net` as JSON: axis, channels, kept (by its mask), kind, shared, writers, readers, depthwise, norms,
// macs_per_channel (written, read).
std::string graph_json(const std::vector<ChannelGroup>& groups);

}  // namespace pliant
